"""Runs that a worker ends for its dead or stopped processes."""

import pytest

from adapters.tracing.untraced import Untraced
from application.optimistic_update import OptimisticUpdate
from application.ports.task_repository import Change
from application.use_cases.maintenance.recover_tasks import RecoverTasks
from application.use_cases.worker.release_runs import ReleaseRuns
from application.use_cases.worker.watch_runs import WatchRuns
from domain.restore import restore
from domain.status import Status
from domain.task import Task
from domain.task_spec import TaskSpec
from tests.fakes.clock import FakeClock
from tests.fakes.task_store import FakeTaskStore
from tests.unit.application.callers import LEASE, claim, submit


@pytest.fixture
def release(store: FakeTaskStore, update: OptimisticUpdate, clock: FakeClock) -> ReleaseRuns:
    return ReleaseRuns(store, update, clock, Untraced())


def two_runs(store: FakeTaskStore, clock: FakeClock) -> tuple[Task, Task]:
    submit(store, clock), submit(store, clock)
    return claim(store, "a:1"), claim(store, "b:1")


def test_only_the_runs_that_a_worker_stopped_are_handed_back_uncounted(
    store: FakeTaskStore, clock: FakeClock, release: ReleaseRuns
) -> None:
    mine, other = two_runs(store, clock)

    released = release.stopped_under("a:")

    assert [(task.task_id, task.status, task.attempt) for task in released] == [
        (mine.task_id, Status.QUEUED, 0)
    ]
    assert store.get(other.task_id) == other


def test_the_runs_of_dead_processes_count_as_crashes(
    store: FakeTaskStore, clock: FakeClock, release: ReleaseRuns
) -> None:
    mine, other = two_runs(store, clock)

    assert [task.crashes for task in release.crashed({"a:1": "It broke.", "a:2": "It broke."})] == [
        1
    ]
    assert [task.crashes for task in release.crashed_under("b:")] == [1]
    assert release.crashed({"a:1": "It broke."}) == release.crashed({}) == []
    assert store.get(mine.task_id).status is store.get(other.task_id).status is Status.QUEUED
    assert [line.message for line in store.lines(mine.task_id)] == ["The run was lost. It broke."]


def test_a_run_that_an_outage_ended_counts_as_nothing(
    store: FakeTaskStore, clock: FakeClock, release: ReleaseRuns
) -> None:
    run, _ = two_runs(store, clock)

    (task,) = release.cut_off([run.owner])

    assert (task.status, task.attempt, task.crashes) == (Status.QUEUED, 0, 0)


def test_a_crash_that_was_an_outage_is_forgiven_though_the_task_runs_again(
    store: FakeTaskStore, clock: FakeClock, release: ReleaseRuns
) -> None:
    run, _ = two_runs(store, clock)
    clock.advance(LEASE)
    RecoverTasks(store, store, clock, Untraced()).execute()
    again = claim(store, "c:1")
    assert (again.task_id, again.attempt, again.crashes) == (run.task_id, 2, 1)

    (task,) = release.cut_off([run.owner])

    assert (task.status, task.attempt, task.crashes) == (Status.PROCESSING, 1, 0)
    assert task.is_run_of(again.fencing_token)


def test_a_run_that_cannot_be_ended_holds_up_no_other(
    store: FakeTaskStore,
    clock: FakeClock,
    release: ReleaseRuns,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    damaged, other = two_runs(store, clock)
    save = store.save

    def refuse(change: Change) -> Task:
        if change.after.task_id == damaged.task_id:
            raise ValueError("WRONGTYPE")
        return save(change)

    monkeypatch.setattr(store, "save", refuse)

    ended = release.crashed({"a:1": "It broke.", "b:1": "It broke."})

    assert [task.task_id for task in ended] == [other.task_id]
    assert [record.action for record in caplog.records] == ["release"]


def test_a_damaged_timeout_keeps_no_other_run_from_being_stopped(
    store: FakeTaskStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged, other = two_runs(store, clock)
    spec = restore(TaskSpec, {**vars(damaged.spec), "timeout": "x"})
    broken = Task.restore({**vars(damaged), "spec": spec})
    monkeypatch.setattr(store, "held_by", lambda owners: [broken, other])

    watched = WatchRuns(store, clock).execute(["a:1", "b:1"])

    assert [run.task for run in watched] == [other]
