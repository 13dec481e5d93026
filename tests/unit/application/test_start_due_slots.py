"""Each slot of a schedule makes one task, or is skipped for a reason that is told."""

from datetime import timedelta
from typing import Any

import pytest

from application.optimistic_update import OptimisticUpdate
from application.use_cases.maintenance.start_due_slots import BUDGET_SECONDS, StartDueSlots
from domain.schedule import SkipReason
from domain.schedule_spec import Overlap
from domain.status import Status
from domain.task import Task
from tests.building import NOON, a_spec
from tests.contracts.schedules import CRON_AFTER, a_schedule
from tests.fakes.clock import FakeClock
from tests.fakes.schedules import FakeSchedules
from tests.fakes.task_store import FakeTaskStore
from tests.unit.application.slots import HOUR, Add, made, slots


def test_a_slot_makes_its_task_when_its_time_has_come(
    start: StartDueSlots, add: Add, store: FakeTaskStore, clock: FakeClock, schedules: FakeSchedules
) -> None:
    add(task=a_spec(labels={"a": "b"}, queue="q", priority=7))
    clock.advance(HOUR - timedelta(milliseconds=1))
    assert start.execute().made == []
    clock.advance(timedelta(milliseconds=1))

    swept = start.execute()

    [task] = made(store)
    assert swept.made == [task]
    assert (task.status, task.submitted_by) == (Status.QUEUED, None)
    assert task.spec.labels == {"a": "b", "schedule": "nightly"}
    assert (task.spec.queue, task.spec.priority) == ("q", 7)
    assert slots(store) == [NOON + HOUR]
    assert task.trace  # the slot begins one
    stored = schedules.get_or_raise("nightly")
    assert stored.next_slot == NOON + 2 * HOUR
    assert stored.last_task
    assert (stored.last_task.task_id, stored.made) == (task.task_id, 1)
    assert start.execute().made == []


def test_the_id_of_a_task_follows_from_its_slot(add: Add, store: FakeTaskStore) -> None:
    schedule = add()

    ids = [
        each.make(NOON, CRON_AFTER)[1].task_id
        for each in (
            schedule,
            schedule,
            schedule.make(NOON, CRON_AFTER)[0],
            a_schedule("nightly", NOON + HOUR, every=3600),
        )
    ]

    assert ids[0] == ids[1]
    assert len(set(ids)) == 3
    assert all(each[14] == "7" and each[19] in "89ab" and len(each) == 36 for each in ids)


@pytest.mark.parametrize(
    ("catch_up", "expected"), [(0, []), (1, [5]), (3, [3, 4, 5]), (100, [1, 2, 3, 4, 5])]
)
def test_the_latest_missed_slots_are_made_up(
    start: StartDueSlots,
    add: Add,
    store: FakeTaskStore,
    clock: FakeClock,
    schedules: FakeSchedules,
    catch_up: int,
    expected: list[int],
) -> None:
    add(catch_up=catch_up)
    clock.advance(5.5 * HOUR)

    while start.execute().is_unfinished:
        pass

    assert slots(store) == [NOON + number * HOUR for number in expected]
    stored = schedules.get_or_raise("nightly")
    assert (stored.made, stored.skipped) == (len(expected), 5 - len(expected))
    assert stored.next_slot == NOON + 6 * HOUR
    if stored.skipped:
        assert stored.last_skip
        assert stored.last_skip.reason is SkipReason.MISSED
        assert stored.last_skip.slots == 5 - len(expected)
        assert stored.last_skip.slot == NOON + (5 - len(expected)) * HOUR


def test_no_slot_begins_when_the_time_of_a_sweep_is_up(
    start: StartDueSlots,
    add: Add,
    store: FakeTaskStore,
    clock: FakeClock,
    schedules: FakeSchedules,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(5):
        add(f"number-{number}")
    clock.advance(HOUR)
    save = schedules.save_with_task

    def save_slowly(*arguments: Any) -> Task:
        clock.advance(timedelta(seconds=BUDGET_SECONDS * 0.6))
        return save(*arguments)

    monkeypatch.setattr(schedules, "save_with_task", save_slowly)

    assert start.execute().is_unfinished
    assert len(made(store)) == 2
    while start.execute().is_unfinished:
        pass
    assert len(made(store)) == 5


def test_a_slot_of_the_last_minute_is_on_time_whatever_is_made_up(
    start: StartDueSlots, add: Add, store: FakeTaskStore, clock: FakeClock
) -> None:
    add(catch_up=0)
    clock.advance(HOUR + timedelta(minutes=1))

    start.execute()

    assert slots(store) == [NOON + HOUR]


def test_years_of_missed_slots_are_skipped_in_steps(
    start: StartDueSlots, add: Add, store: FakeTaskStore, clock: FakeClock, schedules: FakeSchedules
) -> None:
    add(every=60, catch_up=2)
    clock.advance(timedelta(minutes=2_500, seconds=-1))

    swept = start.execute()

    assert [each.last_skip and each.last_skip.slots for each in swept.skipped] == [
        1_000,
        1_000,
        496,
    ]
    assert schedules.get_or_raise("nightly").skipped == 2_496
    assert slots(store) == [NOON + timedelta(minutes=each) for each in (2_497, 2_498, 2_499)]


@pytest.mark.parametrize("overlap", Overlap)
def test_a_slot_meets_the_last_task_as_the_schedule_says(
    start: StartDueSlots,
    add: Add,
    store: FakeTaskStore,
    clock: FakeClock,
    schedules: FakeSchedules,
    overlap: Overlap,
) -> None:
    add(overlap=overlap)
    for _ in range(2):
        clock.advance(HOUR)
        swept = start.execute()

    tasks = made(store)
    if overlap is Overlap.SKIP:
        assert [task.status for task in tasks] == [Status.QUEUED]
        [skipped] = swept.skipped
        assert skipped.last_skip
        assert skipped.last_skip.reason is SkipReason.OVERLAP
        assert schedules.get_or_raise("nightly").skipped == 1
    else:
        first = Status.CANCELLED if overlap is Overlap.CANCEL else Status.QUEUED
        assert [task.status for task in tasks] == [first, Status.QUEUED]


@pytest.mark.parametrize("overlap", [Overlap.SKIP, Overlap.CANCEL])
def test_a_last_task_that_is_final_or_gone_is_no_overlap(
    start: StartDueSlots,
    add: Add,
    store: FakeTaskStore,
    clock: FakeClock,
    update: OptimisticUpdate,
    overlap: Overlap,
) -> None:
    add(overlap=overlap)
    for number in range(1, 4):
        clock.advance(HOUR)
        [task] = start.execute().made
        ended = update.apply(task.task_id, lambda task: task.cancel(clock.now()))
        if number == 2:
            store.remove(ended)

    assert slots(store) == [NOON + HOUR, NOON + 3 * HOUR]


def test_a_running_task_is_asked_to_stop_before_the_next_one(
    start: StartDueSlots, add: Add, store: FakeTaskStore, clock: FakeClock
) -> None:
    add(overlap=Overlap.CANCEL)
    clock.advance(HOUR)
    start.execute()
    store.claim("default", owner="a:1", claim_id="1")
    clock.advance(HOUR)

    start.execute()

    running, waiting = made(store)
    assert (running.status, running.cancel_requested) == (Status.PROCESSING, True)
    assert waiting.status is Status.QUEUED


def test_jitter_delays_a_slot_by_the_same_time_on_every_host(
    start: StartDueSlots, add: Add, store: FakeTaskStore, clock: FakeClock
) -> None:
    delays = {
        name: (add(name, jitter=600).due_at or NOON) - NOON - HOUR for name in ("a", "b", "c")
    }
    assert len(set(delays.values())) == 3
    assert all(timedelta(0) <= delay <= timedelta(minutes=10) for delay in delays.values())
    clock.advance(HOUR)

    for name, delay in sorted(delays.items(), key=lambda each: each[1]):
        clock.advance(NOON + HOUR + delay - clock.now())
        assert [task.schedule and task.schedule.name for task in start.execute().made] == [name]
    assert slots(store) == [NOON + HOUR] * 3


def test_no_slot_is_outside_of_its_bounds(
    start: StartDueSlots, add: Add, store: FakeTaskStore, clock: FakeClock, schedules: FakeSchedules
) -> None:
    begin = NOON + timedelta(minutes=90)
    add(starts_at=begin, ends_at=begin + HOUR, catch_up=100)

    clock.advance(10 * HOUR)
    start.execute()

    assert slots(store) == [begin, begin + HOUR]
    assert schedules.get_or_raise("nightly").next_slot is None
