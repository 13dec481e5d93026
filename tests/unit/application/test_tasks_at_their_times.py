"""Tasks are queued when they are due, expire, time out and are pruned."""

from datetime import timedelta

from application.optimistic_update import OptimisticUpdate
from application.use_cases.maintenance.expire_tasks import ExpireTasks
from application.use_cases.maintenance.promote_tasks import PromoteTasks
from application.use_cases.maintenance.prune_tasks import PruneTasks
from application.use_cases.tasks.cancel_task import CancelTask
from application.use_cases.tasks.get_task import GetTask
from application.use_cases.worker.watch_runs import WatchRuns
from domain.status import Status
from tests.building import NOON
from tests.fakes.clock import FakeClock
from tests.fakes.task_store import FakeTaskStore
from tests.unit.application.callers import claim, submit


def test_a_scheduled_task_is_queued_when_it_is_due(store: FakeTaskStore, clock: FakeClock) -> None:
    soon = submit(store, clock, run_at=NOON + timedelta(seconds=10))
    submit(store, clock, run_at=NOON + timedelta(days=3650))
    assert store.claim("default", owner="a:1", claim_id="1") is None
    assert PromoteTasks(store, clock).execute().tasks == []
    clock.advance(timedelta(seconds=10))

    assert len(PromoteTasks(store, clock).execute().tasks) == 1
    assert claim(store).task_id == soon.task_id


def test_a_task_that_did_not_start_in_time_expires_and_never_runs(
    store: FakeTaskStore, clock: FakeClock
) -> None:
    late = submit(store, clock, expires_at=NOON + timedelta(seconds=10))
    started = submit(store, clock, priority=9, expires_at=NOON + timedelta(seconds=10))
    claim(store)
    assert ExpireTasks(store, clock).execute().tasks == []
    clock.advance(timedelta(seconds=10))

    assert store.claim("default", owner="b:1", claim_id="1") is None
    assert len(ExpireTasks(store, clock).execute().tasks) == 1
    expired = GetTask(store).execute(late.task_id)
    assert expired.status is Status.EXPIRED
    assert expired.error is not None
    assert expired.error.code == "expired"
    assert GetTask(store).execute(started.task_id).status is Status.PROCESSING


def test_a_worker_sees_which_of_its_runs_are_overdue(
    store: FakeTaskStore, clock: FakeClock, update: OptimisticUpdate
) -> None:
    submit(store, clock, timeout=5), submit(store, clock, timeout=50)
    short, long = claim(store, "a:1"), claim(store, "a:2")
    clock.advance(timedelta(seconds=5))
    watch = WatchRuns(store, clock)
    assert [run.stop_in for run in watch.execute(["a:1", "a:2"])] == [0, 45]

    CancelTask(update, clock).execute(long.task_id)

    assert [(run.task.task_id, run.stop_in) for run in watch.execute(["a:1", "a:2"])] == [
        (short.task_id, 0),
        (long.task_id, 0),
    ]
    assert watch.execute([]) == []


def test_final_tasks_are_pruned_when_their_retention_is_over(
    store: FakeTaskStore, clock: FakeClock, update: OptimisticUpdate
) -> None:
    old, waiting = submit(store, clock), submit(store, clock)
    CancelTask(update, clock).execute(old.task_id)
    prune = PruneTasks(store, timedelta(days=1))
    assert prune.execute() == 0
    clock.advance(timedelta(days=1))

    assert prune.execute() == 1
    assert store.get(old.task_id) is None
    assert store.get(waiting.task_id)
