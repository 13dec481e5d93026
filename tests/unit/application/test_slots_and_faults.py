"""A slot makes one task whoever dies, however many processes sweep, and whatever fails."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from adapters.system.cron_times import SystemCronTimes
from application.errors import StoreFull, StoreUnavailable
from application.optimistic_update import OptimisticUpdate
from application.schedule_tasks import ScheduleTasks
from application.use_cases.maintenance.start_due_slots import StartDueSlots
from domain.schedule import SkipReason
from domain.schedule_spec import Overlap
from tests.building import NOON, a_spec
from tests.contracts.schedules import CRON_AFTER
from tests.fakes.clock import FakeClock
from tests.fakes.schedules import FakeSchedules
from tests.fakes.task_store import FakeTaskStore
from tests.fakes.tracer import FakeTracer
from tests.unit.application.slots import HOUR, Add, made, slots


def test_several_processes_make_each_slot_once(
    start: StartDueSlots,
    add: Add,
    store: FakeTaskStore,
    clock: FakeClock,
    schedules: FakeSchedules,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add(overlap=Overlap.SKIP)
    clock.advance(HOUR)
    read = schedules.due(limit=9)
    start.execute()
    reads = iter([read, []])
    monkeypatch.setattr(schedules, "due", lambda *, limit: next(reads))

    assert start.execute().made == []
    assert len(made(store)) == 1


def test_a_task_that_ends_before_it_is_cancelled_holds_up_no_slot(
    start: StartDueSlots,
    add: Add,
    store: FakeTaskStore,
    clock: FakeClock,
    update: OptimisticUpdate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add(overlap=Overlap.CANCEL)
    clock.advance(HOUR)
    [waiting] = start.execute().made
    update.apply(waiting.task_id, lambda task: task.cancel(clock.now()))
    monkeypatch.setattr(store, "get_many", lambda _: [waiting])
    clock.advance(HOUR)

    assert len(start.execute().made) == 1


def test_a_task_that_exists_already_is_that_of_the_slot(
    start: StartDueSlots, add: Add, store: FakeTaskStore, clock: FakeClock, schedules: FakeSchedules
) -> None:
    _, task = add().make(NOON, CRON_AFTER)
    store.add([task])
    clock.advance(HOUR)

    start.execute()

    assert [each.task_id for each in made(store)] == [task.task_id]
    assert schedules.get_or_raise("nightly").next_slot == NOON + 2 * HOUR


def test_a_queue_beyond_the_limit_skips_the_slot(
    start: StartDueSlots, add: Add, store: FakeTaskStore, clock: FakeClock, schedules: FakeSchedules
) -> None:
    add(task=a_spec(queue="new"))
    store.max_queues = 0
    clock.advance(HOUR)

    [skipped] = start.execute().skipped

    assert skipped.last_skip
    assert skipped.last_skip.reason is SkipReason.TOO_MANY_QUEUES
    assert schedules.get_or_raise("nightly").next_slot == NOON + 2 * HOUR


@pytest.mark.parametrize("failure", ["full", "away"])
def test_a_store_that_takes_no_tasks_delays_the_slot(
    start: StartDueSlots, add: Add, store: FakeTaskStore, clock: FakeClock, failure: str
) -> None:
    add()
    clock.advance(HOUR)
    setattr(store, failure, True)
    with pytest.raises(StoreFull if failure == "full" else StoreUnavailable):
        start.execute()
    setattr(store, failure, False)

    start.execute()

    assert slots(store) == [NOON + HOUR]


@pytest.mark.parametrize("overlap", Overlap)
@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
def test_a_process_that_dies_at_any_point_of_a_slot_leaves_one_task_for_each(
    schedules: FakeSchedules,
    store: FakeTaskStore,
    update: OptimisticUpdate,
    clock: FakeClock,
    add: Add,
    monkeypatch: pytest.MonkeyPatch,
    overlap: Overlap,
    *,
    is_done: bool,
) -> None:
    """Each call of the store in turn is the last one that a process makes."""
    mortal = MortalStore(is_done=is_done)
    for owner, name in (
        *((schedules, name) for name in ("due", "save", "save_with_task", "set_aside")),
        *((store, name) for name in ("get", "get_many", "save")),
    ):
        monkeypatch.setattr(owner, name, mortal.guarded(getattr(owner, name)))
    tasks = ScheduleTasks(schedules, FakeTracer(clock))
    add(overlap=overlap, catch_up=100)
    for number in range(1, 30):
        clock.advance(HOUR)
        mortal.lives = number % 8
        dying = StartDueSlots(schedules, tasks, store, update, SystemCronTimes(), clock)
        with suppress(Killed):
            dying.execute()
        mortal.lives = 1_000
        StartDueSlots(schedules, tasks, store, update, SystemCronTimes(), clock).execute()

    stored = schedules.get_or_raise("nightly")
    assert mortal.deaths >= 10
    assert stored.made + stored.skipped == 29
    assert stored.made == len(made(store))
    expected = [NOON + number * HOUR for number in range(1, 30)]
    assert slots(store) == (expected[:1] if overlap is Overlap.SKIP else expected)


class Killed(BaseException):
    """The process is killed."""


class MortalStore:
    """Kills who makes a call when there are no lives left: before the call, or after it."""

    def __init__(self, *, is_done: bool) -> None:
        self._is_done = is_done
        self._depth = 0
        self.lives = 1_000
        self.deaths = 0

    def guarded(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*arguments: Any, **options: Any) -> Any:
            if self._depth:  # a part of the call of another method is no call of its own
                return call(*arguments, **options)
            dies = self.lives == 0
            self.lives -= 1
            if dies and not self._is_done:
                self.deaths += 1
                raise Killed
            self._depth += 1
            try:
                result = call(*arguments, **options)
            finally:
                self._depth -= 1
            if dies:
                self.deaths += 1
                raise Killed
            return result

        return guarded


def test_a_schedule_that_fails_holds_up_no_other(
    start: StartDueSlots,
    add: Add,
    store: FakeTaskStore,
    clock: FakeClock,
    schedules: FakeSchedules,
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken = add("broken")
    object.__setattr__(broken.spec, "cron", "60 * * * *")
    schedules._put(broken, broken)
    add("whole")
    clock.advance(HOUR)

    for _ in range(2):
        start.execute()

    assert [task.schedule and task.schedule.name for task in made(store)] == ["whole"]
    assert len(caplog.records) == 1
