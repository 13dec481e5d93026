"""The past events of one task among those of others."""

from collections.abc import Iterator

import pytest

from adapters.redis.connection import connect_blocking
from adapters.redis.event_stream import RedisEventStream
from adapters.redis.store import RedisStore
from adapters.redis.task_repository import RedisTaskRepository
from tests.storing import rename, submit

CHANGES = 130
LIMIT = 20


class Turns:
    """Counts how often others could run, which is once before each event is decoded."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self) -> None:
        self.number += 1


@pytest.fixture
def turns() -> Turns:
    return Turns()


@pytest.fixture
def stream(redis_store: RedisStore, redis_url: str, turns: Turns) -> Iterator[RedisEventStream]:
    stream = RedisEventStream(redis_store, connect_blocking(redis_url), turns)
    yield stream
    stream.close()


@pytest.mark.parametrize("others", [0, 1, 5], ids="{} events of others after each".format)
def test_each_past_event_is_decoded_once_and_others_run_before_it(
    repository: RedisTaskRepository, stream: RedisEventStream, turns: Turns, others: int
) -> None:
    task, other = submit(repository), submit(repository)
    _, after = stream.snapshot(other.task_id)
    for number in range(CHANGES):
        task = repository.save(rename(task, f"{number}"))
        for _ in range(others):
            other = repository.save(rename(other, f"of {number}, version {other.version}"))
    _, until = stream.snapshot(task.task_id)

    found = []
    while events := list(stream.between(after, until, task.task_id, limit=LIMIT)):
        assert len(events) <= LIMIT
        found += events
        after = events[-1].position

    assert [event.task.spec.task_name for event in found] == [f"{n}" for n in range(CHANGES)]
    assert turns.number == CHANGES


def test_asking_whether_an_event_is_left_decodes_one(
    repository: RedisTaskRepository, stream: RedisEventStream, turns: Turns
) -> None:
    task = submit(repository)
    _, after = stream.snapshot(task.task_id)
    for number in range(CHANGES):
        task = repository.save(rename(task, f"{number}"))
    _, until = stream.snapshot(task.task_id)

    [event] = stream.between(after, until, task.task_id, limit=1)

    assert event.task.spec.task_name == "0"
    assert turns.number == 1


def test_a_past_event_is_decoded_when_its_turn_comes(
    repository: RedisTaskRepository, stream: RedisEventStream, turns: Turns
) -> None:
    task = submit(repository)
    _, after = stream.snapshot(task.task_id)
    for number in range(LIMIT):
        task = repository.save(rename(task, f"{number}"))
    _, until = stream.snapshot(task.task_id)

    events = stream.between(after, until, None, limit=LIMIT)

    assert [(event.task.spec.task_name, turns.number) for event in events] == [
        (f"{number}", number + 1) for number in range(LIMIT)
    ]
