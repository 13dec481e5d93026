"""The contract of Schedules, inherited by the tests of its fake and of its adapter."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from adapters.system.cron_times import SystemCronTimes
from adapters.system.task_ids import UuidTaskIds
from application.errors import AlreadySubmitted
from application.ports.schedules import (
    ScheduleNotFound,
    Schedules,
    StaleSchedule,
    TooManySchedules,
)
from application.ports.task_repository import IdempotencyRecord, TaskRepository
from domain.schedule import MadeTask, Schedule, Skip, SkipReason
from domain.schedule_spec import Overlap, ScheduleSpec
from domain.status import Status
from domain.task_state import ScheduleSlot
from tests.building import LATER, NOON, a_spec

LIMIT = 5
EARLIER = NOON - timedelta(hours=1)
CRON_AFTER = SystemCronTimes().after


def a_schedule_spec(**members: Any) -> ScheduleSpec:
    timing = {} if "cron" in members else {"every": 60}
    return ScheduleSpec(**{"task": a_spec(), **timing, **members})


def a_schedule(name: str = "nightly", now: datetime = EARLIER, **members: Any) -> Schedule:
    return Schedule.create(name, a_schedule_spec(**members), now, CRON_AFTER)


FULL = {
    "cron": "30 2 * * 1-5",
    "timezone": "Europe/Berlin",
    "task": a_spec(
        type="http",
        payload={"url": "https://a/ä", "body": "********"},
        secrets={"m": {"body": {"v": "ü"}}},
        labels={"a": "b"},
        priority=9,
    ),
    "overlap": Overlap.CANCEL,
    "catch_up": 0,
    "jitter": 30,
    "starts_at": NOON,
    "ends_at": NOON + timedelta(days=365),
}


class SchedulesContract:
    @pytest.mark.parametrize("members", [{}, FULL, {"every": 7, "paused": True}])
    def test_a_schedule_comes_back_as_it_was_stored(
        self, schedules: Schedules, members: dict[str, Any]
    ) -> None:
        schedule = a_schedule(**members)
        schedules.add(schedule)
        later = replace(
            schedule,
            saves=2,
            version=3,
            last_slot=LATER,
            last_task=MadeTask(task_id=UuidTaskIds().next(), slot=None),
            last_skip=Skip(reason=SkipReason.OVERLAP, slot=NOON, slots=4),
            made=5,
            skipped=6,
        )

        assert schedules.get("nightly") == schedule
        schedules.save(schedule, later)
        assert schedules.get_or_raise("nightly") == later
        assert list(schedules.each()) == [later]

    def test_schedules_are_read_by_their_names(self, schedules: Schedules) -> None:
        for name in ("b", "a.1", "c"):
            schedules.add(a_schedule(name))

        assert [each.name for each in schedules.each()] == ["a.1", "b", "c"]
        assert [each.name for each in schedules.each(after="a.1")] == ["b", "c"]
        assert schedules.get("d") is None
        with pytest.raises(ScheduleNotFound):
            schedules.get_or_raise("d")

    def test_a_stale_write_changes_nothing(
        self, schedules: Schedules, repository: TaskRepository
    ) -> None:
        first = a_schedule()
        schedules.add(first)
        second, task = first.run_now(UuidTaskIds().next(), NOON)
        schedules.save(first, second)

        for write in (
            lambda: schedules.add(first),
            lambda: schedules.save(first, replace(first, saves=9)),
            lambda: schedules.save_with_task(first, second, task),
            lambda: schedules.remove(first),
        ):
            with pytest.raises(StaleSchedule):
                write()

        assert schedules.get("nightly") == second
        assert repository.get(task.task_id) is None

    def test_a_removed_schedule_is_gone(self, schedules: Schedules) -> None:
        schedule = a_schedule()
        schedules.add(schedule)

        schedules.remove(schedule)

        assert schedules.get("nightly") is None
        assert list(schedules.each()) == []
        assert schedules.due(limit=9) == []
        schedules.add(schedule)

    def test_no_more_than_the_limit_may_exist(self, schedules: Schedules) -> None:
        for number in range(LIMIT):
            schedules.add(a_schedule(f"number-{number}"))

        with pytest.raises(TooManySchedules):
            schedules.add(a_schedule("one-more"))

        schedules.remove(a_schedule("number-0"))
        schedules.add(a_schedule("one-more"))

    def test_the_step_to_the_next_slot_stores_its_task(
        self, schedules: Schedules, repository: TaskRepository
    ) -> None:
        before = a_schedule(task=a_spec(labels={"a": "b"}))
        schedules.add(before)
        after, task = before.make(NOON, CRON_AFTER)

        stored = schedules.save_with_task(before, after, task)

        assert schedules.get("nightly") == after
        found = repository.get(task.task_id)
        assert found == stored
        assert found is not None
        assert found.status is Status.QUEUED
        assert found.schedule == ScheduleSlot(name="nightly", slot=before.next_slot)
        assert found.spec.labels == {"a": "b", "schedule": "nightly"}

    def test_a_task_with_an_idempotency_record_is_made_once(
        self, schedules: Schedules, repository: TaskRepository
    ) -> None:
        schedules.add(a_schedule())
        record = IdempotencyRecord(key="k", request_hash=b"\1" * 32)

        def run() -> str:
            before = schedules.get_or_raise("nightly")
            after, task = before.run_now(UuidTaskIds().next(), NOON, submitted_by="0123456789ab")
            return schedules.save_with_task(before, after, task, record).task_id

        first = run()
        with pytest.raises(AlreadySubmitted) as earlier:
            run()

        assert list(earlier.value.task_ids) == [first]
        found = repository.get(first)
        assert found is not None
        assert found.schedule == ScheduleSlot(name="nightly")
        assert schedules.get_or_raise("nightly").saves == 2

    def test_due_are_those_whose_next_slot_has_come(self, schedules: Schedules) -> None:
        past, ended, future = (
            a_schedule("past"),
            a_schedule("ended"),
            datetime.max.replace(year=3000),
        )
        longer = a_schedule("longer", NOON - timedelta(days=1))
        for schedule in (past, longer, replace(ended, next_slot=None)):
            schedules.add(schedule)
        schedules.add(a_schedule("future", starts_at=future.replace(tzinfo=NOON.tzinfo)))

        assert [each.name for each in schedules.due(limit=9)] == ["longer", "past"]
        assert [each.name for each in schedules.due(limit=1)] == ["longer"]
        schedules.save(longer, replace(longer, saves=2, next_slot=None))
        assert [each.name for each in schedules.due(limit=9)] == ["past"]

    def test_one_that_is_set_aside_is_not_due_for_a_while(self, schedules: Schedules) -> None:
        schedule = a_schedule()
        schedules.add(schedule)

        schedules.set_aside(schedule)

        assert schedules.due(limit=9) == []
        schedules.save(schedule, replace(schedule, saves=2))
        assert [each.name for each in schedules.due(limit=9)] == ["nightly"]
