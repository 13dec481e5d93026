"""What waits for all followers of a process together is bounded."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from adapters.redis.connection import connect_blocking
from adapters.redis.event_stream import RedisEventStream
from adapters.redis.store import RedisStore
from adapters.redis.task_repository import RedisTaskRepository
from application.ports.event_stream import FollowerTooSlow
from domain.task import Task
from tests.contracts.event_stream import SOON, told
from tests.integration.waiting import wait_until
from tests.storing import rename, submit

LONG = {"body": "x" * 4_000}


@pytest.fixture
def turns() -> list[None]:
    """Has an item for each time that others could run."""
    return []


@pytest.fixture
def stream(
    redis_store: RedisStore, redis_url: str, turns: list[None]
) -> Iterator[RedisEventStream]:
    stream = RedisEventStream(redis_store, connect_blocking(redis_url), lambda: turns.append(None))
    yield stream
    stream.close()


def change(repository: RedisTaskRepository, task: Task, times: int) -> None:
    for number in range(times):
        task = repository.save(rename(task, f"{number}"))


def test_the_slowest_followers_are_dropped_when_too_much_waits_for_all_together(
    repository: RedisTaskRepository, stream: RedisEventStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.redis.event_stream.MAX_ALL_WAITING_BYTES", 100_000)
    tasks = [submit(repository, type="http", payload=LONG) for _ in range(3)]
    with ExitStack() as stack:
        slow = [stack.enter_context(stream.subscribe(task.task_id)) for task in tasks]
        for task, changes in zip(tasks, (9, 13, 5), strict=True):
            change(repository, task, changes)

        wait_until(lambda: slow[1].waiting_bytes == 0)

        with pytest.raises(FollowerTooSlow):
            slow[1].next(SOON)
        assert len(told(slow[0], 9)) == 9
        assert len(told(slow[2], 5)) == 5


def test_followers_of_the_same_events_share_what_waits(
    repository: RedisTaskRepository, stream: RedisEventStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.redis.event_stream.MAX_ALL_WAITING_BYTES", 100_000)
    task = submit(repository, type="http", payload=LONG)
    with ExitStack() as stack:
        slow = [stack.enter_context(stream.subscribe()) for _ in range(10)]
        change(repository, task, 10)

        assert [len(told(each, 10)) for each in slow] == [10] * 10


def test_others_run_between_the_followers_of_an_event(
    repository: RedisTaskRepository, stream: RedisEventStream, turns: list[None]
) -> None:
    with ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(stream.subscribe())

        submit(repository)

        wait_until(lambda: len(turns) >= 50)


@pytest.mark.parametrize("is_of_all", [True, False], ids=["of all tasks", "of one"])
def test_few_large_events_of_the_past_are_held_at_a_time(
    repository: RedisTaskRepository, stream: RedisEventStream, is_of_all: bool
) -> None:
    task = submit(repository, type="http", payload=LONG)
    _, after = stream.snapshot(task.task_id)
    change(repository, task, 60)
    _, until = stream.snapshot(task.task_id)
    found = []

    while events := list(
        stream.between(after, until, None if is_of_all else task.task_id, limit=50)
    ):
        assert len(events) * 4_000 < 65_536
        found += [event.task.spec.task_name for event in events]
        after = events[-1].position

    assert found == [f"{number}" for number in range(60)]
