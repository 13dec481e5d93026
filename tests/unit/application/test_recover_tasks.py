"""Runs with an expired lease are recovered."""

from adapters.tracing.untraced import Untraced
from application.use_cases.maintenance.recover_tasks import RecoverTasks
from application.use_cases.tasks.get_task import GetTask
from domain.status import Status
from domain.task import Task
from tests.fakes.clock import FakeClock
from tests.fakes.task_store import FakeTaskStore
from tests.unit.application.callers import LEASE, claim, submit


def test_only_runs_with_an_expired_lease_are_queued_again(
    store: FakeTaskStore, clock: FakeClock
) -> None:
    for _ in range(3):
        submit(store, clock)
    lost = claim(store, "a:1")
    clock.advance(LEASE)
    alive = claim(store, "b:1")

    recovered = RecoverTasks(store, store, clock, Untraced()).execute().tasks

    assert [(task.task_id, task.status, task.crashes) for task in recovered] == [
        (lost.task_id, Status.QUEUED, 1)
    ]
    assert store.get(alive.task_id) == alive
    assert RecoverTasks(store, store, clock, Untraced()).execute().tasks == []


def test_a_task_that_always_kills_its_worker_ends_after_four_runs(
    store: FakeTaskStore, clock: FakeClock
) -> None:
    task = submit(store, clock)
    runs = 0
    while store.claim("default", owner=f"a:{runs}", claim_id="1"):
        runs += 1
        clock.advance(LEASE)
        RecoverTasks(store, store, clock, Untraced()).execute()

    ended = GetTask(store).execute(task.task_id)
    assert runs == 4
    assert ended.status is Status.FAILED
    assert ended.error is not None
    assert ended.error.code == "worker_lost"


def test_more_lost_runs_than_a_batch_are_all_recovered(
    store: FakeTaskStore, clock: FakeClock
) -> None:
    for number in range(3):
        submit(store, clock)
        claim(store, f"a:{number}")
    clock.advance(LEASE)

    class SmallBatches(FakeTaskStore):
        def expired(self, *, limit: int) -> list[Task]:
            return list(store.expired(limit=1))

    assert len(RecoverTasks(store, SmallBatches(clock), clock, Untraced()).execute().tasks) == 3
