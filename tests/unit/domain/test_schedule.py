"""What a schedule may be, and how a change moves its next slot."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.schedule_spec import (
    InvalidSchedule,
    Overlap,
    SchedulePatch,
    require_schedule_name,
)
from domain.task_spec import TaskPatch
from tests.building import LATER, NOON, a_spec
from tests.contracts.schedules import CRON_AFTER, a_schedule, a_schedule_spec

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"cron": "* * * * *", "every": 60}, "cron"),
        ({"every": None}, "cron"),
        ({"every": 0}, "every"),
        ({"every": 366 * 86_400 + 1}, "every"),
        ({"timezone": "Europe/Berlin"}, "timezone"),
        ({"catch_up": -1}, "catch_up"),
        ({"catch_up": 101}, "catch_up"),
        ({"jitter": -1}, "jitter"),
        ({"jitter": 86_401}, "jitter"),
        ({"starts_at": NOON.replace(tzinfo=None)}, "starts_at"),
        ({"starts_at": NOON, "ends_at": NOON}, "ends_at"),
        ({"task": a_spec(run_at=NOON)}, "task/run_at"),
        ({"task": a_spec(expires_at=NOON)}, "task/expires_at"),
        ({"task": a_spec(labels={"schedule": "x"})}, "task/labels/schedule"),
        ({"task": a_spec(labels={f"l{n}": "" for n in range(16)})}, "task/labels"),
    ],
)
def test_invalid_members_are_named(members: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidSchedule) as refusal:
        a_schedule_spec(**members)

    assert [each for each, _ in refusal.value.violations] == [pointer]


@pytest.mark.parametrize("name", ["a", "0", "a.b_c-d", "x" * 100])
def test_a_name_is_valid(name: str) -> None:
    require_schedule_name(name)


@pytest.mark.parametrize("name", ["", "A", "-a", ".", "a b", "a/b", "x" * 101, "preview", "a\n"])
def test_a_name_is_not_valid(name: str) -> None:
    with pytest.raises(InvalidSchedule):
        require_schedule_name(name)


def test_every_counts_from_the_creation_or_from_its_start() -> None:
    created = NOON + timedelta(seconds=7, milliseconds=300)

    assert a_schedule(now=created).next_slot == NOON + timedelta(seconds=67)
    started = a_schedule(now=created, starts_at=NOON)
    assert started.next_slot == NOON + MINUTE
    future = a_schedule(now=created, starts_at=NOON + timedelta(days=1))
    assert future.next_slot == NOON + timedelta(days=1)


def test_the_first_slot_of_a_cron_expression_may_be_its_start() -> None:
    schedule = a_schedule(now=NOON, cron="0 15 * * *", starts_at=NOON + timedelta(hours=3))

    assert schedule.next_slot == NOON + timedelta(hours=3)


def test_slots_end_with_the_calendar() -> None:
    end = datetime(9999, 12, 31, 23, 0, tzinfo=NOON.tzinfo)

    assert len(list(a_schedule(now=end, every=1800).slots(CRON_AFTER))) == 1
    assert len(list(a_schedule(now=end, cron="*/30 * * * *").slots(CRON_AFTER))) <= 1


def test_a_slot_that_is_due_stays_due_when_the_times_do_not_change() -> None:
    schedule = a_schedule(now=NOON)
    late = NOON + timedelta(hours=1)

    changed = schedule.respecify(replace(schedule.spec, overlap=Overlap.QUEUE), late, CRON_AFTER)
    moved = schedule.respecify(replace(schedule.spec, every=61), late, CRON_AFTER)

    assert (changed.next_slot, changed.version, changed.saves) == (NOON + MINUTE, 2, 2)
    assert moved.next_slot is not None
    assert moved.next_slot > late
    assert schedule.respecify(replace(schedule.spec), late, CRON_AFTER) is schedule


def test_a_paused_schedule_has_no_slots_and_makes_none_up() -> None:
    schedule = a_schedule(now=NOON)

    paused = schedule.respecify(replace(schedule.spec, paused=True), LATER, CRON_AFTER)
    resumed = paused.respecify(schedule.spec, NOON + 2.5 * MINUTE, CRON_AFTER)

    assert (paused.next_slot, paused.due_at) == (None, None)
    assert resumed.next_slot == NOON + 3 * MINUTE


def test_no_slot_comes_twice_when_the_clock_steps_back() -> None:
    schedule, _ = a_schedule(now=NOON).make(NOON + MINUTE, CRON_AFTER)
    paused = schedule.respecify(replace(schedule.spec, paused=True), NOON, CRON_AFTER)

    resumed = paused.respecify(schedule.spec, NOON, CRON_AFTER)

    assert resumed.next_slot == NOON + 2 * MINUTE


def test_a_patch_changes_what_it_names() -> None:
    spec = a_schedule_spec(jitter=5, overlap=Overlap.QUEUE, task=a_spec(labels={"a": "b"}))
    patch = SchedulePatch(
        {
            "every": None,
            "cron": "@daily",
            "jitter": None,
            "task": TaskPatch({"labels": {"c": "d"}}),
        }
    )

    changed = patch.apply_to(spec)

    assert (changed.cron, changed.every, changed.jitter) == ("@daily", None, 0)
    assert changed.overlap is Overlap.QUEUE
    assert changed.task.labels == {"a": "b", "c": "d"}
    with pytest.raises(InvalidSchedule) as refusal:
        SchedulePatch({"task": TaskPatch({"priority": 10})}).apply_to(spec)
    assert refusal.value.violations[0][0] == "task/priority"
