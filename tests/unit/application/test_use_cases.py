"""The use cases, with a store in memory."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from adapters.system.task_ids import UuidTaskIds
from application.admission import Admission
from application.errors import StaleTask, StoreUnavailable, StoreUnsafe, TaskNotFound
from application.new_tasks import NewTasks
from application.optimistic_update import OptimisticUpdate
from application.ports.heartbeats import ServiceProcess
from application.ports.task_repository import Change, PageRequest
from application.task_filter import EVERY_TASK
from application.use_cases.maintenance.expire_tasks import ExpireTasks
from application.use_cases.maintenance.promote_tasks import PromoteTasks
from application.use_cases.maintenance.prune_tasks import PruneTasks
from application.use_cases.maintenance.recover_tasks import RecoverTasks
from application.use_cases.operations.check_health import CheckHealth
from application.use_cases.operations.send_heartbeat import SendHeartbeat
from application.use_cases.tasks.cancel_task import CancelTask
from application.use_cases.tasks.delete_task import DeleteTask
from application.use_cases.tasks.get_task import GetTask
from application.use_cases.tasks.list_tasks import ListTasks
from application.use_cases.tasks.submit_task import SubmitTask
from application.use_cases.tasks.update_task import UpdateTask
from application.use_cases.worker.release_runs import ReleaseRuns
from application.use_cases.worker.watch_runs import WatchRuns
from domain.errors import TaskRunning
from domain.status import Status
from domain.task import Task
from domain.task_spec import TaskPatch
from tests.building import NOON, a_spec, a_task
from tests.contracts.heartbeats import a_process
from tests.fakes.clock import FakeClock
from tests.fakes.heartbeats import FakeHeartbeats
from tests.fakes.store_probe import FakeStoreProbe
from tests.fakes.task_handlers import FakeTaskHandlers
from tests.fakes.task_store import FakeTaskStore
from tests.fakes.webhook_sender import FakeWebhookSender

LEASE = timedelta(seconds=15)
UNKNOWN = "018f0000-0000-7000-8000-000000000000"
HANDLERS = FakeTaskHandlers(lambda task: None)


def submit(store: FakeTaskStore, clock: FakeClock, **members: object) -> Task:
    admission, new_tasks = (
        Admission(HANDLERS, FakeWebhookSender()),
        NewTasks(store, UuidTaskIds(), clock),
    )
    [task] = SubmitTask(admission, new_tasks).execute(a_spec(**members)).tasks
    return task


def claim(store: FakeTaskStore, owner: str = "a:1") -> Task:
    task = store.claim("default", owner=owner, claim_id="1")
    assert task is not None
    return task


def test_a_submitted_task_waits_and_can_be_read(store: FakeTaskStore, clock: FakeClock) -> None:
    task = submit(store, clock)

    assert (task.status, task.submitted_at) == (Status.QUEUED, NOON)
    assert GetTask(store).execute(task.task_id) == task


def test_an_unknown_task_is_not_found(
    store: FakeTaskStore, update: OptimisticUpdate, admission: Admission, clock: FakeClock
) -> None:
    calls = [
        lambda: GetTask(store).execute(UNKNOWN),
        lambda: UpdateTask(update, admission).execute(UNKNOWN, TaskPatch({})),
        lambda: CancelTask(update, clock).execute(UNKNOWN),
        lambda: DeleteTask(store, update, FakeClock()).execute(UNKNOWN),
    ]
    for call in calls:
        with pytest.raises(TaskNotFound, match=UNKNOWN):
            call()


def test_pages_follow_each_other(store: FakeTaskStore, clock: FakeClock) -> None:
    tasks = [submit(store, clock) for _ in range(5)]

    page = ListTasks(store).execute(EVERY_TASK, PageRequest(offset=2, limit=2))

    assert (list(page.tasks), page.total) == (tasks[2:4], 5)


def test_an_update_is_retried_when_the_task_changed_meanwhile(
    store: FakeTaskStore, admission: Admission, clock: FakeClock
) -> None:
    task = submit(store, clock)

    class RacedStore(FakeTaskStore):
        def get(self, task_id: str) -> Task | None:
            seen = store.get(task_id)
            if seen and seen.version == 1:
                store.save(
                    Change(before=seen, after=seen.patch(TaskPatch({"labels": {"by": "another"}})))
                )
            return seen

        def save(self, change: Change) -> Task:
            return store.save(change)

    update = UpdateTask(OptimisticUpdate(RacedStore(clock)), admission)
    updated = update.execute(task.task_id, TaskPatch({"task_name": "mine"}))

    assert (updated.spec.task_name, dict(updated.spec.labels)) == ("mine", {"by": "another"})


def test_a_race_that_is_lost_twenty_times_is_given_up(clock: FakeClock) -> None:
    lost: list[Change] = []

    class BusyStore(FakeTaskStore):
        def save(self, change: Change) -> Task:
            lost.append(change)
            raise StaleTask(change.after.task_id)

        def get(self, task_id: str) -> Task | None:
            return a_task()

    with pytest.raises(StaleTask):
        CancelTask(OptimisticUpdate(BusyStore(clock)), clock).execute(UNKNOWN)
    assert len(lost) == 20


def test_a_running_task_is_not_deleted(
    store: FakeTaskStore, clock: FakeClock, update: OptimisticUpdate
) -> None:
    task = submit(store, clock)
    claim(store)

    with pytest.raises(TaskRunning):
        DeleteTask(store, update, FakeClock()).execute(task.task_id)


def test_only_runs_with_an_expired_lease_are_queued_again(
    store: FakeTaskStore, clock: FakeClock
) -> None:
    for _ in range(3):
        submit(store, clock)
    lost = claim(store, "a:1")
    clock.advance(LEASE)
    alive = claim(store, "b:1")

    recovered = RecoverTasks(store, store, clock).execute().tasks

    assert [(task.task_id, task.status, task.crashes) for task in recovered] == [
        (lost.task_id, Status.QUEUED, 1)
    ]
    assert store.get(alive.task_id) == alive
    assert RecoverTasks(store, store, clock).execute().tasks == []


def test_a_task_that_always_kills_its_worker_ends_after_four_runs(
    store: FakeTaskStore, clock: FakeClock
) -> None:
    task = submit(store, clock)
    runs = 0
    while store.claim("default", owner=f"a:{runs}", claim_id="1"):
        runs += 1
        clock.advance(LEASE)
        RecoverTasks(store, store, clock).execute()

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

    assert len(RecoverTasks(store, SmallBatches(clock), clock).execute().tasks) == 3


@pytest.fixture
def release(store: FakeTaskStore, update: OptimisticUpdate, clock: FakeClock) -> ReleaseRuns:
    return ReleaseRuns(store, update, clock)


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
    RecoverTasks(store, store, clock).execute()
    again = claim(store, "c:1")
    assert (again.task_id, again.attempt, again.crashes) == (run.task_id, 2, 1)

    (task,) = release.cut_off([run.owner])

    assert (task.status, task.attempt, task.crashes) == (Status.PROCESSING, 1, 0)
    assert task.is_run_of(again.fencing_token)


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


def test_a_role_is_healthy_with_a_recent_heartbeat_of_this_host(
    store: FakeTaskStore, clock: FakeClock
) -> None:
    heartbeats = FakeHeartbeats(clock)
    health = CheckHealth(FakeStoreProbe(store), heartbeats, host="host", must_be_safe=True)
    assert health.execute("api")
    assert not health.execute("worker")
    assert SendHeartbeat(heartbeats).execute(a_process(name="elsewhere", host="elsewhere"))
    assert not health.execute("worker")

    assert SendHeartbeat(heartbeats).execute(a_process())

    assert health.execute("worker")
    assert not health.execute("maintenance")
    clock.advance(timedelta(seconds=15))
    assert not health.execute("worker")


def test_a_heartbeat_that_fails_does_not_stop_the_process_and_is_logged_once(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    class AwayHeartbeats(FakeHeartbeats):
        def beat(self, process: ServiceProcess) -> None:
            raise StoreUnavailable("away")

    send = SendHeartbeat(AwayHeartbeats(clock))

    assert [send.execute(a_process()) for _ in range(3)] == [False] * 3
    assert caplog.text.count("No heartbeat") == 1


@pytest.mark.parametrize("must_be_safe", [True, False])
def test_an_unsafe_store_is_unhealthy_only_where_it_must_be_safe(
    store: FakeTaskStore, clock: FakeClock, must_be_safe: bool
) -> None:
    probe = FakeStoreProbe(store)
    probe.settings_now = replace(probe.settings_now, is_persistent=False)
    health = CheckHealth(probe, FakeHeartbeats(clock), host="host", must_be_safe=must_be_safe)

    if not must_be_safe:
        assert health.execute("api")
        return
    with pytest.raises(StoreUnsafe):
        health.execute("api")


def test_ids_are_new_and_sort_by_their_time() -> None:
    ids = [UuidTaskIds().next() for _ in range(1000)]

    assert len(set(ids)) == 1000
    assert ids == sorted(ids)
    assert datetime.fromtimestamp(int(ids[0].replace("-", "")[:12], 16) / 1000, UTC) > NOON
