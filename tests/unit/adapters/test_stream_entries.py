"""Events wait as they are stored, and are decoded once for all who follow."""

import gc
import logging
from itertools import chain

import pytest

from adapters.redis.decoded_size import decoded_size
from adapters.redis.id_codec import require_id_bytes
from adapters.redis.stream_entries import (
    MAX_DECODED_BYTES,
    MAX_DECODED_EVENTS,
    DecodedEvents,
    Entry,
    StoredEvent,
)
from adapters.redis.subscription import RedisSubscription
from adapters.redis.task_codec import SEPARATOR, encode
from application.ports.event_stream import StreamGap
from domain.task import Task
from tests.building import a_task

LISTS = {"lists": [[] for _ in range(1_000)]}


def an_entry(number: int, task: Task | None = None) -> Entry:
    task = task or a_task()
    fields = {
        b"event": b"task.submitted",
        b"id": require_id_bytes(task.task_id),
        b"record": SEPARATOR.join(chain.from_iterable(encode(task).items())),
    }
    return b"%d-0" % number, fields


def damaged(number: int) -> Entry:
    return b"%d-0" % number, {b"event": b"task.submitted", b"id": b"?", b"record": b"?"}


@pytest.fixture
def decoded() -> DecodedEvents:
    return DecodedEvents(lambda: None)


def a_subscription(decoded: DecodedEvents) -> RedisSubscription:
    return RedisSubscription(lambda _: None, decoded.event_of, None, "0-0")


def test_followers_of_an_event_share_one_object(decoded: DecodedEvents) -> None:
    task = a_task()
    followers = [a_subscription(decoded) for _ in range(3)]
    for follower in followers:
        follower.put(StoredEvent.of(an_entry(1, task)))

    events = [follower.next(0) for follower in followers]

    assert events[0] is not None
    assert events[0].task == task
    assert events == [events[0]] * 3


def test_events_that_wait_are_not_decoded(decoded: DecodedEvents) -> None:
    task = a_task(type="http", payload=LISTS)
    follower = a_subscription(decoded)
    gc.collect()
    before = len(gc.get_objects())

    for number in range(1_000):
        follower.put(StoredEvent.of(an_entry(number + 1, task)))

    gc.collect()
    assert len(gc.get_objects()) - before < 10 * 1_000
    event = follower.next(0)
    assert event is not None
    assert (event.position, event.task) == ("1-0", task)


@pytest.mark.parametrize("payload", [{}, LISTS, {"text": "x" * 4_000}])
def test_few_events_stay_decoded(decoded: DecodedEvents, payload: dict[str, object]) -> None:
    task = a_task(type="http", payload=payload)
    size = decoded_size(an_entry(1, task)[1].values())
    most = min(MAX_DECODED_EVENTS, MAX_DECODED_BYTES // size)
    entries = [an_entry(number, task) for number in range(1, most + 11)]
    events = [decoded.event_of(entry) for entry in entries]

    again = [decoded.event_of(entry) for entry in reversed(entries)]

    same = sum(first is second for first, second in zip(events, reversed(again), strict=True))
    assert same == most


def test_others_run_before_an_event_is_decoded_and_not_before_it_is_shared() -> None:
    turns: list[int] = []
    decoded = DecodedEvents(lambda: turns.append(1))

    for number in (1, 2, 2, 1):
        decoded.event_of(an_entry(number))

    assert len(turns) == 2


def test_an_event_that_another_follower_decodes_meanwhile_is_decoded_once() -> None:
    entry, found = an_entry(1), []

    def let_others_run() -> None:
        if not found:
            found.append(None)
            found.append(decoded.event_of(entry))

    decoded = DecodedEvents(let_others_run)

    assert decoded.event_of(entry) is found[1]


def test_unreadable_events_in_a_row_are_one_gap(
    decoded: DecodedEvents, caplog: pytest.LogCaptureFixture
) -> None:
    followers = [a_subscription(decoded) for _ in range(2)]
    entries = [an_entry(1), damaged(2), damaged(3), an_entry(4), damaged(5)]

    with caplog.at_level(logging.WARNING):
        for follower in followers:
            for entry in entries:
                follower.put(StoredEvent.of(entry))
            assert [_next(follower) for _ in range(5)] == ["1-0", "gap 3-0", "4-0", "gap 5-0", ""]

    positions = [record.message.split(": ")[1] for record in caplog.records]
    assert positions == ["2-0", "3-0", "5-0"]


def _next(follower: RedisSubscription) -> str:
    try:
        event = follower.next(0)
    except StreamGap as gap:
        return f"gap {gap.position}"
    return event.position if event else ""
