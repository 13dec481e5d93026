import gc
from itertools import chain

import pytest

from adapters.redis.decoded_size import CONTAINER_BYTES, TASK_BYTES
from adapters.redis.id_codec import require_id_bytes
from adapters.redis.known_tasks import MAX_RECORD_BYTES, KnownTasks
from adapters.redis.task_codec import SEPARATOR, STATUS, decode, encode
from domain.task import Task
from tests.building import a_task

MEBIBYTE = 2**20


def stored(task: Task) -> tuple[bytes, dict[bytes, bytes]]:
    return require_id_bytes(task.task_id), encode(task)


def test_the_same_record_is_the_same_task() -> None:
    raw, record = stored(a_task())
    known = KnownTasks(MEBIBYTE)

    task = known.decode(raw, record)

    assert task == decode(raw, record)
    assert known.decode(raw, dict(record)) is task


def packed(record: dict[bytes, bytes]) -> bytes:
    return SEPARATOR.join(chain.from_iterable(record.items()))


def test_a_record_is_the_same_task_in_both_forms() -> None:
    raw, record = stored(a_task())
    known = KnownTasks(MEBIBYTE)

    task = known.decode(raw, packed(record))

    assert task == decode(raw, record)
    assert known.decode(raw, record) is task
    assert known.decode(raw, packed(record)) is task


def test_a_packed_record_that_has_changed_is_decoded_anew() -> None:
    raw, record = stored(a_task())
    known = KnownTasks(MEBIBYTE)
    first = known.decode(raw, packed(record))
    known.decode(raw, {**record, b"new": b"1"})

    assert known.decode(raw, packed({**record, b"new": b"2"})) is not first
    assert known.decode(raw, packed(record)) == first


def test_a_record_that_has_changed_is_decoded_anew() -> None:
    task = a_task()
    known = KnownTasks(MEBIBYTE)
    known.decode(*stored(task))
    running = task.start(owner="a:1", fencing_token=1, now=task.submitted_at)

    assert known.decode(*stored(running)) == running
    assert known.decode(*stored(task)) == task


def test_a_field_that_came_or_went_is_a_change() -> None:
    raw, record = stored(a_task())
    known = KnownTasks(MEBIBYTE)
    whole = known.decode(raw, {**record, b"new": b"1"})

    assert known.decode(raw, record) is not whole


def test_a_damaged_record_raises_each_time_and_then_works_again() -> None:
    raw, record = stored(a_task())
    known = KnownTasks(MEBIBYTE)
    for _ in range(2):
        with pytest.raises(KeyError):
            known.decode(raw, {**record, STATUS: b"NONE"})

    assert known.decode(raw, record) == decode(raw, record)


def test_the_tasks_that_were_kept_first_go_first() -> None:
    (first, a), (second, b), (third, c) = (stored(a_task()) for _ in range(3))
    known = KnownTasks(2 * TASK_BYTES + 2_000)
    gone, kept = known.decode(first, a), known.decode(second, b)
    known.decode(first, a)
    known.decode(third, c)

    assert known.decode(second, b) is kept
    assert known.decode(first, a) is not gone


def test_nothing_is_kept_without_room() -> None:
    raw, record = stored(a_task())
    known = KnownTasks(0)

    assert known.decode(raw, record) is not known.decode(raw, record)


def test_a_long_record_is_not_kept() -> None:
    raw, record = stored(a_task(type="http", payload={"x": "x" * MAX_RECORD_BYTES}))
    known = KnownTasks(MEBIBYTE)

    assert known.decode(raw, record) is not known.decode(raw, record)


def test_the_objects_of_the_tasks_that_are_kept_are_bounded() -> None:
    known = KnownTasks(MEBIBYTE)
    gc.collect()
    before = len(gc.get_objects())

    for size in (100, 700, 1_300):
        for _ in range(200):
            known.decode(*stored(a_task(type="http", payload={"lists": [[]] * size})))

    gc.collect()
    assert 1_000 < len(gc.get_objects()) - before < MEBIBYTE // CONTAINER_BYTES
