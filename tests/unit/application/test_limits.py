"""The limits and comparisons of use cases, each at its edge."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import timedelta
from itertools import islice
from unittest.mock import Mock

import pytest

from adapters.tracing.untraced import Untraced
from application.errors import VersionMismatch
from application.optimistic_update import OptimisticUpdate
from application.ports.callers import Anyone
from application.ports.event_stream import Subscription
from application.ports.idempotency_records import StoredIdempotencyRecord
from application.ports.outbox import MAX_BYTES
from application.ports.task_repository import Change
from application.run_end_text import MAX_CAUSE_LENGTH, failure_line
from application.task_filter import EVERY_TASK
from application.use_cases.maintenance.deliver_webhook import DeliverWebhook
from application.use_cases.maintenance.find_unserved_queues import FindUnservedQueues
from application.use_cases.maintenance.prune_idempotency_records import PruneIdempotencyRecords
from application.use_cases.maintenance.recover_tasks import RecoverTasks
from application.use_cases.tasks.bulk_action import Action, BulkAction
from application.use_cases.tasks.follow_tasks import FollowTasks
from application.use_cases.tasks.following import Notice, Snapshot
from application.use_cases.tasks.update_task import UpdateTask
from application.use_cases.tasks.wait_for_task import WaitForTask
from application.use_cases.worker.release_runs import ReleaseRuns
from application.use_cases.worker.watch_runs import WatchRuns
from domain.errors import InvalidTaskSpec
from domain.events import Event
from domain.status import Status
from domain.task import Task, TaskError
from domain.task_spec import TaskPatch
from tests.building import NOON, a_task
from tests.fakes.clock import FakeClock
from tests.fakes.event_stream import FakeEventStream
from tests.fakes.heartbeats import FakeHeartbeats
from tests.fakes.idempotency_records import FakeIdempotencyRecords
from tests.fakes.outbox import FakeOutbox
from tests.fakes.queues import FakeQueues
from tests.fakes.task_store import FakeTaskStore
from tests.fakes.webhook_sender import FakeWebhookSender
from tests.unit.application.callers import ADMISSION


def save(store: FakeTaskStore, status: Status = Status.QUEUED, **members: object) -> Task:
    return store.save(Change(before=None, after=a_task(status, **members)))


@pytest.fixture
def update_task(store: FakeTaskStore) -> UpdateTask:
    return UpdateTask(OptimisticUpdate(store), ADMISSION)


@pytest.fixture
def prune_records(store: FakeTaskStore, clock: FakeClock) -> PruneIdempotencyRecords:
    return PruneIdempotencyRecords(FakeIdempotencyRecords(store, clock), store, clock)


def remember(store: FakeTaskStore, clock: FakeClock, name: str, *tasks: Task) -> None:
    store.idempotency_records[name] = (b"1" * 32, [task.task_id for task in tasks], clock.now())


def test_a_bulk_action_stops_after_10000_tasks(clock: FakeClock) -> None:
    class FullStore(FakeTaskStore):
        def get_many(self, task_ids: Sequence[str]) -> Sequence[Task]:
            return [a_task()] * len(task_ids)

    ids = [str(number) for number in range(10_001)]
    report = BulkAction(FullStore(clock), clock).execute(Action.CANCEL, ids, dry_run=True)

    assert (report.matched, report.would_be_done, report.remaining) == (10_000, 10_000, 1)


def test_a_task_that_was_asked_to_stop_already_is_not_cancelled_again(
    store: FakeTaskStore, clock: FakeClock
) -> None:
    running = save(store, Status.PROCESSING)
    asked = store.save(Change(before=running, after=running.cancel(NOON)))

    report = BulkAction(store, clock).execute(Action.CANCEL, EVERY_TASK)

    assert (report.matched, report.done) == (1, 0)
    assert store.get(asked.task_id) == asked


def test_an_update_asks_for_one_of_the_given_versions(
    store: FakeTaskStore, update_task: UpdateTask
) -> None:
    task = save(store)
    renamed, _ = update_task.execute(task.task_id, TaskPatch({"task_name": "new"}), {1, 3})
    assert renamed.version == 2

    with pytest.raises(VersionMismatch):
        update_task.execute(task.task_id, TaskPatch({"task_name": "newer"}), {1, 3})


def test_an_update_that_this_service_does_not_admit_is_refused(
    store: FakeTaskStore, update_task: UpdateTask
) -> None:
    task = save(store)

    with pytest.raises(InvalidTaskSpec, match="type"):
        update_task.execute(task.task_id, TaskPatch({"type": "dance", "duration": None}))

    assert store.get(task.task_id) == task


def test_a_short_wait_lasts_as_long_as_asked(store: FakeTaskStore, clock: FakeClock) -> None:
    task, began = save(store), clock.now()

    WaitForTask(FakeEventStream(store, clock), clock, Anyone()).execute(task.task_id, 3)

    assert clock.now() - began == timedelta(seconds=3)


def test_a_follower_of_a_task_is_told_of_its_removal_and_nothing_after_that(
    store: FakeTaskStore, clock: FakeClock
) -> None:
    task = save(store)
    following = FollowTasks(
        store, FakeEventStream(store, clock), clock, store, Anyone()
    ).follow_task(task.task_id, None)
    assert following is not None
    store.remove(task)

    news = list(islice(following, 3))

    assert [getattr(each, "event", None) for each in news] == [None, Event.DELETED]


def test_an_idempotency_record_is_pruned_24_hours_after_it_was_made(
    store: FakeTaskStore, clock: FakeClock, prune_records: PruneIdempotencyRecords
) -> None:
    remember(store, clock, "mine", save(store, Status.CANCELLED))
    clock.advance(timedelta(hours=24) - timedelta(milliseconds=1))
    assert prune_records.execute().removed == 0
    clock.advance(timedelta(milliseconds=1))

    assert prune_records.execute().removed == 1


def test_an_idempotency_record_stays_while_one_of_its_tasks_is_not_final(
    store: FakeTaskStore, clock: FakeClock, prune_records: PruneIdempotencyRecords
) -> None:
    remember(store, clock, "mine", save(store, Status.CANCELLED), save(store))
    clock.advance(timedelta(hours=24))

    assert prune_records.execute().removed == 0
    assert "mine" in store.idempotency_records


def test_pruning_of_idempotency_records_begins_no_record_once_its_time_is_up(
    store: FakeTaskStore, clock: FakeClock
) -> None:
    class SlowRecords(FakeIdempotencyRecords):
        def forget(self, record: StoredIdempotencyRecord) -> None:
            super().forget(record)
            clock.advance(timedelta(seconds=1))

    for name in ("one", "two"):
        remember(store, clock, name)
    clock.advance(timedelta(hours=24))
    prune = PruneIdempotencyRecords(SlowRecords(store, clock), store, clock)

    runs = [prune.execute() for _ in range(3)]

    assert [(each.removed, each.is_unfinished) for each in runs] == [
        (1, True),
        (1, False),
        (0, False),
    ]


def test_at_most_20_unserved_queues_are_told_of_at_once(
    store: FakeTaskStore, clock: FakeClock
) -> None:
    for number in range(25):
        save(store, queue=f"q{number}")
    find = FindUnservedQueues(
        FakeQueues(store), FakeHeartbeats(clock), clock, timedelta(seconds=15)
    )
    find.execute()
    clock.advance(timedelta(seconds=30))

    assert [len(find.execute()) for _ in range(3)] == [20, 5, 0]


def test_a_webhook_whose_sender_died_is_due_again_after_30_seconds(
    store: FakeTaskStore, clock: FakeClock
) -> None:
    deliver = DeliverWebhook(FakeOutbox(store, clock), FakeWebhookSender(), clock, nullcontext())
    waiting = save(store, callback_url="https://example.com/")
    store.save(Change(before=waiting, after=waiting.cancel(NOON)))

    def due() -> Iterator[int]:
        yield len(deliver.due(10, MAX_BYTES))
        clock.advance(timedelta(seconds=29))
        yield len(deliver.due(10, MAX_BYTES))
        clock.advance(timedelta(seconds=1))
        yield len(deliver.due(10, MAX_BYTES))

    assert list(due()) == [1, 0, 1]


def test_a_run_whose_lease_was_renewed_meanwhile_is_not_recovered(
    store: FakeTaskStore, clock: FakeClock
) -> None:
    save(store)
    run = store.claim("default", owner="a:1", claim_id="1")
    assert run is not None
    late_reader = Mock(expired=Mock(side_effect=[[run], []]))

    swept = RecoverTasks(store, late_reader, clock, Untraced()).execute()

    assert list(swept.tasks) == []
    assert store.get(run.task_id) == run


@pytest.mark.parametrize(
    ("length", "cause"),
    [
        (MAX_CAUSE_LENGTH, "x" * MAX_CAUSE_LENGTH),
        (MAX_CAUSE_LENGTH + 1, "x" * MAX_CAUSE_LENGTH + "…"),
    ],
)
def test_a_line_about_a_failed_run_shortens_only_what_is_too_long(length: int, cause: str) -> None:
    run = a_task(Status.PROCESSING)
    failed = run.fail(TaskError(code="handler_error", message="x" * length), NOON)

    line = failure_line(run, failed, NOON)

    assert line == f"Attempt 1 failed: {cause}; no attempt follows."


def test_an_event_that_the_snapshot_shows_already_is_not_told_again(
    store: FakeTaskStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, stream = save(store), FakeEventStream(store, clock)
    subscribe = stream.subscribe

    def subscribe_before_a_change(task_id: str | None = None) -> Subscription:
        subscription = subscribe(task_id)
        store.save(Change(before=task, after=task.patch(TaskPatch({"task_name": "new"}))))
        return subscription

    monkeypatch.setattr(stream, "subscribe", subscribe_before_a_change)
    following = FollowTasks(store, stream, clock, store, Anyone()).follow_task(task.task_id, None)
    assert following is not None

    snapshot, notice = next(following), next(following)

    assert isinstance(snapshot, Snapshot)
    assert (snapshot.task.spec.task_name, notice) == ("new", Notice.QUIET)


def test_a_dead_process_does_not_end_the_run_of_the_worker_that_took_its_task_over(
    store: FakeTaskStore, clock: FakeClock
) -> None:
    save(store)
    first = store.claim("default", owner="a:1", claim_id="1")
    assert first is not None
    store.save(Change(before=first, after=first.lose(NOON)))
    second = store.claim("default", owner="b:1", claim_id="1")
    late_reader = Mock(held_by=Mock(return_value=[first]))

    ReleaseRuns(late_reader, OptimisticUpdate(store), clock, Untraced()).crashed(
        {"a:1": "SIGKILL ended it."}
    )

    assert store.get(first.task_id) == second


def test_a_run_that_is_out_of_time_is_to_be_stopped_in_0_seconds(
    store: FakeTaskStore, clock: FakeClock
) -> None:
    save(store, timeout=3)
    store.claim("default", owner="a:1", claim_id="1")
    clock.advance(timedelta(seconds=4))

    assert [each.stop_in for each in WatchRuns(store, clock).execute(["a:1"])] == [0]
