"""Use cases on many tasks, on queues and workers, and on requests with an idempotency record."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from application.admission import Admission
from application.errors import (
    IdempotencyKeyReused,
    InvalidBatch,
    QueueInUse,
    QueueNotFound,
    StoreUnavailable,
    TaskNotFound,
)
from application.new_tasks import NewTasks
from application.ports.task_repository import Change, IdempotencyRecord, PageRequest
from application.task_filter import EVERY_TASK, TaskFilter
from application.use_cases.maintenance.find_unserved_queues import FindUnservedQueues
from application.use_cases.maintenance.prune_idempotency_records import PruneIdempotencyRecords
from application.use_cases.maintenance.prune_tasks import PruneTasks
from application.use_cases.operations.get_statistics import GetStatistics
from application.use_cases.operations.list_queues import ListQueues
from application.use_cases.operations.list_workers import ListWorkers
from application.use_cases.operations.pause_queue import PauseQueue
from application.use_cases.operations.remove_queue import RemoveQueue
from application.use_cases.operations.warn_about_queues import WarnAboutQueues
from application.use_cases.tasks import bulk_action
from application.use_cases.tasks.bulk_action import Action, ActionReport, BulkAction
from application.use_cases.tasks.delete_task import DeleteTask
from application.use_cases.tasks.read_details import ReadDetails
from application.use_cases.tasks.retry_task import RetryTask
from application.use_cases.tasks.submit_batch import SubmitBatch
from domain.errors import TaskRunning
from domain.status import Status
from domain.task import Task
from domain.task_spec import TaskPatch
from tests.building import a_spec, a_task
from tests.contracts.heartbeats import a_process
from tests.fakes.clock import FakeClock
from tests.fakes.heartbeats import FakeHeartbeats
from tests.fakes.idempotency_records import FakeIdempotencyRecords
from tests.fakes.outbox import FakeOutbox
from tests.fakes.queues import FakeQueues
from tests.fakes.statistics import FakeStatistics
from tests.fakes.task_store import FakeTaskStore
from tests.fakes.wake_ups import FakeWakeUps

REQUEST = IdempotencyRecord(key="mine", request_hash=b"1" * 32)


def save(store: FakeTaskStore, status: Status = Status.QUEUED, **members: object) -> Task:
    return store.save(Change(before=None, after=a_task(status, **members)))


def total(store: FakeTaskStore) -> int | None:
    return store.find(EVERY_TASK, PageRequest()).total


class TestBulkAction:
    @pytest.fixture
    def act(self, store: FakeTaskStore, clock: FakeClock) -> BulkAction:
        return BulkAction(store, clock)

    @pytest.mark.parametrize(
        ("action", "able"),
        [
            (Action.CANCEL, {Status.SCHEDULED, Status.QUEUED, Status.PROCESSING}),
            (Action.RETRY, {Status.FAILED, Status.CANCELLED, Status.EXPIRED}),
            (Action.DELETE, set(Status) - {Status.PROCESSING}),
        ],
    )
    def test_an_action_changes_the_tasks_whose_state_allows_it(
        self, store, act, action: Action, able: set[Status]
    ) -> None:
        tasks = [save(store, status) for status in Status]

        rehearsed = act.execute(action, EVERY_TASK, dry_run=True)
        assert store.get_many([task.task_id for task in tasks]) == tasks
        done = act.execute(action, [task.task_id for task in tasks])

        assert rehearsed == ActionReport(matched=7, done=0, would_be_done=len(able), remaining=0)
        assert done == ActionReport(matched=7, done=len(able), remaining=0)
        changed = {task.status for task in tasks if store.get(task.task_id) != task}
        assert changed == able

    def test_an_action_processes_every_page(self, store, act, monkeypatch) -> None:
        monkeypatch.setattr(bulk_action, "PAGE", 3)
        for number in range(8):
            save(store, queue="mine" if number % 2 else "other")

        report = act.execute(
            Action.CANCEL, TaskFilter(statuses=frozenset({Status.QUEUED}), queue="mine")
        )

        assert report == ActionReport(matched=4, done=4, remaining=0)

    def test_tasks_beyond_the_limit_are_reported_as_remaining(
        self, store, act, monkeypatch
    ) -> None:
        monkeypatch.setattr(bulk_action, "PAGE", 2)
        monkeypatch.setattr(bulk_action, "MAX_TASKS", 4)
        tasks = [save(store) for _ in range(5)]

        by_filter = act.execute(Action.DELETE, EVERY_TASK)
        by_ids = act.execute(Action.DELETE, [task.task_id for task in tasks])

        assert (by_filter.matched, by_filter.done, by_filter.remaining) == (4, 4, 1)
        assert (by_ids.matched, by_ids.done, by_ids.remaining) == (1, 1, 0)

    def test_a_task_that_another_request_changed_meanwhile_is_read_again(
        self, store, act, monkeypatch
    ) -> None:
        task = save(store)
        save_many = store.save_many

        def raced(changes: Sequence[Change]) -> Sequence[Task | None]:
            monkeypatch.undo()
            store.save(Change(before=task, after=task.patch(TaskPatch({"task_name": "theirs"}))))
            return save_many(changes)

        monkeypatch.setattr(store, "save_many", raced)

        assert act.execute(Action.CANCEL, EVERY_TASK).done == 1
        now = store.get(task.task_id)
        assert (now.status, now.spec.task_name) == (Status.CANCELLED, "theirs")


class TestSubmitBatch:
    @pytest.fixture
    def submit(self, admission: Admission, new_tasks: NewTasks) -> SubmitBatch:
        return SubmitBatch(admission, new_tasks)

    def test_a_repeated_request_returns_the_tasks_of_the_first(self, store, submit, clock) -> None:
        specs = [a_spec(), a_spec(task_name="second")]
        first = submit.execute(specs, REQUEST)
        clock.advance(timedelta(hours=1))
        store.remove(first.tasks[0])

        again = submit.execute(specs, REQUEST)

        assert (list(again.tasks), again.replayed, first.replayed) == (
            list(first.tasks),
            True,
            False,
        )
        assert total(store) == 1

    def test_a_key_cannot_be_reused_with_another_body(self, submit) -> None:
        submit.execute([a_spec()], REQUEST)

        with pytest.raises(IdempotencyKeyReused):
            submit.execute([a_spec()], IdempotencyRecord(key="mine", request_hash=b"2" * 32))

    def test_every_invalid_task_of_a_batch_is_named_by_its_place_and_none_is_stored(
        self, store, submit
    ) -> None:
        with pytest.raises(InvalidBatch) as refusal:
            submit.execute([a_spec(), a_spec(type="dance"), a_spec(), a_spec(type="sing")])

        wrong = {place: error.violations[0][0] for place, error in refusal.value.errors.items()}
        assert (wrong, total(store)) == ({1: "type", 3: "type"}, 0)

    def test_a_batch_that_names_too_many_queues_is_refused_with_each_place(
        self, store, submit
    ) -> None:
        store.max_queues = 1
        submit.execute([a_spec(queue="a")])

        with pytest.raises(InvalidBatch) as refusal:
            submit.execute([a_spec(queue=queue) for queue in ("a", "b", "a", "c")])

        assert (list(refusal.value.errors), total(store)) == ([1, 3], 1)

    def test_an_idempotency_record_is_pruned_after_a_day_but_not_before_its_tasks_are_final(
        self, store, submit, clock
    ) -> None:
        idempotency_records = FakeIdempotencyRecords(store, clock)
        forget = PruneIdempotencyRecords(idempotency_records, store, clock)
        [task] = submit.execute([a_spec()], REQUEST).tasks
        assert forget.execute() == 0
        clock.advance(timedelta(days=1))
        assert forget.execute() == 0
        assert submit.execute([a_spec()], REQUEST).replayed
        store.save(Change(before=task, after=task.cancel(clock.now())))
        assert forget.execute() == 0
        clock.advance(timedelta(days=1))

        assert forget.execute() == 1
        assert not submit.execute([a_spec()], REQUEST).replayed


class TestQueuesAndWorkers:
    @pytest.fixture
    def heartbeats(self, clock: FakeClock) -> FakeHeartbeats:
        return FakeHeartbeats(clock)

    @pytest.fixture
    def list_queues(
        self, store: FakeTaskStore, clock: FakeClock, heartbeats: FakeHeartbeats
    ) -> ListQueues:
        return ListQueues(FakeQueues(store), heartbeats, clock)

    def test_the_queues_are_those_that_a_task_names_or_a_worker_serves(
        self, store, clock, heartbeats, list_queues
    ) -> None:
        heartbeats.beat(a_process(name="1", queues=("served", "both")))
        heartbeats.beat(a_process(name="2", queues=("both",)))
        save(store, queue="both")
        save(store, queue="lonely")
        clock.advance(timedelta(seconds=5))

        reports = list_queues.execute()

        seen = [
            (report.state.name, report.state.depth, report.workers, report.oldest_waiting_seconds)
            for report in reports
        ]
        assert seen == [("both", 1, 2, 5), ("lonely", 1, 0, 5), ("served", 0, 1, None)]

    def test_a_queue_is_paused_and_resumed(self, store, list_queues) -> None:
        wake_ups = FakeWakeUps(store)
        pause = PauseQueue(FakeQueues(store), wake_ups, list_queues)
        save(store)

        assert pause.execute("default", paused=True).state.paused
        assert store.claim("default", owner="a:1", claim_id="1") is None
        assert not pause.execute("default", paused=False).state.paused
        assert wake_ups.calls == 1
        with pytest.raises(QueueNotFound, match="'unknown'"):
            pause.execute("unknown", paused=True)

    def test_an_unserved_queue_is_reported_once_until_it_was_served(
        self, store, clock, heartbeats
    ) -> None:
        watch = FindUnservedQueues(
            FakeQueues(store), heartbeats, clock, lease=timedelta(seconds=15)
        )
        save(store, queue="lonely")
        assert list(watch.execute()) == []
        clock.advance(timedelta(seconds=30))

        assert [list(watch.execute()) for _ in range(2)] == [["lonely"], []]
        heartbeats.beat(a_process(queues=("lonely",)))
        assert list(watch.execute()) == []
        clock.advance(timedelta(seconds=15))
        assert list(watch.execute()) == []
        clock.advance(timedelta(seconds=30))
        assert list(watch.execute()) == ["lonely"]

    def test_a_worker_that_starts_again_within_two_leases_gives_no_alarm(
        self, store, clock, heartbeats
    ) -> None:
        watch = FindUnservedQueues(
            FakeQueues(store), heartbeats, clock, lease=timedelta(seconds=15)
        )
        save(store, queue="busy")
        for _ in range(3):
            assert list(watch.execute()) == []
            clock.advance(timedelta(seconds=29))
            assert list(watch.execute()) == []
            heartbeats.beat(a_process(queues=("busy",)))
            assert list(watch.execute()) == []
            clock.advance(timedelta(seconds=15))

    def test_a_queue_is_removed_once_nobody_uses_it(
        self, store, clock, heartbeats, list_queues
    ) -> None:
        remove = RemoveQueue(FakeQueues(store), list_queues)
        task = save(store, queue="mine")
        heartbeats.beat(a_process(queues=("mine",)))

        with pytest.raises(QueueInUse, match="A living worker serves the queue 'mine'"):
            remove.execute("mine")
        heartbeats.end(a_process(queues=("mine",)))
        with pytest.raises(QueueInUse, match="The queue 'mine' has tasks"):
            remove.execute("mine")
        store.remove(task)
        remove.execute("mine")

        assert list_queues.execute() == []
        with pytest.raises(QueueNotFound, match="'mine'"):
            remove.execute("mine")

    def test_there_is_a_warning_for_a_queue_that_no_worker_has_served_lately(
        self, clock, heartbeats
    ) -> None:
        warn = WarnAboutQueues(heartbeats, clock)
        heartbeats.beat(a_process(queues=("served",)))

        def warned() -> list[str]:
            clock.advance(timedelta(seconds=1))  # the cache is older than that
            return list(warn.execute(["served", "lonely", "lonely"]))

        clock.advance(timedelta(seconds=10))
        assert warned() == []  # the process is young: a worker of "lonely" may be starting
        heartbeats.beat(a_process(queues=("served",)))
        clock.advance(timedelta(seconds=4))
        assert warned() == ["lonely"]
        heartbeats.end(a_process(queues=("served",)))
        assert warned() == ["lonely"]  # "served" is perhaps being restarted
        clock.advance(timedelta(seconds=30))
        assert warned() == ["served", "lonely"]
        heartbeats.beat(a_process(queues=("lonely",)))
        assert warned() == ["served"]

    def test_warnings_read_the_store_once_a_second_and_are_limited(
        self, clock, heartbeats, monkeypatch
    ) -> None:
        asked = []
        monkeypatch.setattr(heartbeats, "recently_alive", lambda role: asked.append(role) or [])
        warn = WarnAboutQueues(heartbeats, clock)
        clock.advance(timedelta(seconds=30))

        assert [len(warn.execute(map(str, range(1_000)))) for _ in range(9)] == [20] * 9
        clock.advance(timedelta(seconds=1))
        warn.execute(["a"])

        assert asked == ["worker"] * 2

    def test_there_are_no_warnings_while_the_store_is_unavailable(
        self, clock, heartbeats, monkeypatch
    ) -> None:
        warn = WarnAboutQueues(heartbeats, clock)
        clock.advance(timedelta(seconds=30))
        assert len(warn.execute(["a"])) == 1

        def away(role: str) -> None:
            raise StoreUnavailable("away")

        monkeypatch.setattr(heartbeats, "recently_alive", away)
        clock.advance(timedelta(seconds=1))

        assert warn.execute(["a"]) == []

    def test_a_worker_report_has_the_tasks_that_the_worker_runs(self, store, heartbeats) -> None:
        mine, _theirs = save(store), save(store)
        heartbeats.beat(a_process(name="host-1", queues=("default",), concurrency=2))
        store.claim("default", owner="host-1:7", claim_id="1")
        store.claim("default", owner="host-10:7", claim_id="1")

        [report] = ListWorkers(heartbeats, store).execute()

        assert (report.heartbeat.process.name, list(report.running)) == ("host-1", [mine.task_id])


def test_a_running_task_is_deleted_once_it_has_stopped(store, update, clock) -> None:
    save(store)
    run = store.claim("default", owner="a:1", claim_id="1")
    delete = DeleteTask(store, update, clock)
    with pytest.raises(TaskRunning):
        delete.execute(run.task_id)

    assert [delete.execute(run.task_id, cancel=True) for _ in range(2)] == [False, False]

    asked = store.get(run.task_id)
    assert (asked.cancel_requested, asked.discarded) == (True, True)
    assert PruneTasks(store, timedelta(days=1)).execute() == 0
    store.save(Change(before=asked, after=asked.stop(clock.now())))
    assert PruneTasks(store, timedelta(days=1)).execute() == 1
    assert total(store) == 0


def test_a_retry_is_decided_by_the_clock_of_the_store(store, update, clock) -> None:
    task = save(store, Status.FAILED, expires_at=clock.now() + timedelta(seconds=1))
    clock.advance(timedelta(seconds=1))

    again = RetryTask(update, clock).execute(task.task_id)

    assert (again.status, again.spec.expires_at) == (Status.QUEUED, None)
    assert store.positions([again]) == {task.task_id: 1}


def test_the_log_and_the_deliveries_are_those_of_an_existing_task(
    store: FakeTaskStore, clock: FakeClock
) -> None:
    save(store)
    run = store.claim("default", owner="a:1", claim_id="1")
    store.append(run, lines=["working"])

    details = ReadDetails(store, store, FakeOutbox(store, clock))
    assert [line.message for line in details.log(run.task_id)] == ["working"]
    assert list(details.deliveries(run.task_id)) == []
    for read in (details.log, details.deliveries):
        with pytest.raises(TaskNotFound):
            read("nonsense")


def test_percentiles_are_of_the_nearest_rank(store: FakeTaskStore, clock: FakeClock) -> None:
    measure = GetStatistics(FakeStatistics(store, clock))
    assert (measure.execute().sample, measure.execute().run_seconds) == (0, {})
    for seconds in range(1, 101):
        save(store)
        run = store.claim("default", owner="a:1", claim_id=str(seconds))
        clock.advance(timedelta(seconds=seconds))
        store.save(Change(before=run, after=run.complete(None, clock.now())))

    measures = measure.execute()

    assert measures.sample == 100
    assert measures.run_seconds == {50: 50, 95: 95, 99: 99}
    assert measures.by_status[Status.COMPLETED] == 100
