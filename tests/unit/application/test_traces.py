"""A task belongs to the trace of the request that submitted it, and so do its waits and runs."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from adapters.system.task_ids import UuidTaskIds
from adapters.tracing.untraced import Untraced
from application.errors import HandlerFailed, StoreUnavailable
from application.new_tasks import NewTasks
from application.optimistic_update import OptimisticUpdate
from application.ports.callers import Anyone
from application.ports.task_repository import Change, IdempotencyRecord
from application.ports.tracer import SpanKind
from application.use_cases.maintenance.recover_tasks import RecoverTasks
from application.use_cases.tasks.retry_task import RetryTask
from application.use_cases.worker.release_runs import ReleaseRuns
from application.use_cases.worker.run_tasks import RunTasks
from domain.retry_policy import RetryPolicy
from domain.task import Task
from domain.trace_context import TraceContext
from tests.building import a_spec
from tests.contracts.tracer import CALLER, UNSAMPLED
from tests.fakes.clock import FakeClock
from tests.fakes.task_store import FakeTaskStore
from tests.fakes.tracer import FakeTracer, SeenSpan
from tests.unit.application.callers import LEASE, claim

Build = Callable[..., RunTasks]


@pytest.fixture
def new_tasks(store: FakeTaskStore, clock: FakeClock, tracer: FakeTracer) -> NewTasks:
    return NewTasks(store, UuidTaskIds(), clock, Anyone(), tracer)


def submit(new_tasks: NewTasks, trace: TraceContext | None = CALLER, **members: object) -> Task:
    [task] = new_tasks.add([a_spec(**members)], None, trace).tasks
    return task


def named(tracer: FakeTracer, name: str) -> list[SeenSpan]:
    return [span for span in tracer.spans if span.name.startswith(name)]


def fails(run: Task) -> None:
    raise HandlerFailed("no")


def test_a_task_names_the_span_that_submitted_it(
    store: FakeTaskStore, new_tasks: NewTasks, tracer: FakeTracer
) -> None:
    task = submit(new_tasks, queue="mails")

    [span] = tracer.spans
    assert (span.name, span.kind) == ("submit mails", SpanKind.PRODUCER)
    assert (span.trace_id, span.parent_id) == (CALLER.trace_id, CALLER.span_id)
    assert span.attributes == {
        "messaging.system": "task_manager",
        "messaging.operation.name": "submit",
        "messaging.operation.type": "send",
        "messaging.destination.name": "mails",
        "messaging.message.id": task.task_id,
        "task_manager.task.type": "sleep",
    }
    assert task.trace == TraceContext(f"00-{CALLER.trace_id}-{span.span_id}-01", "vendor=1")
    assert store.get(task.task_id) == task


def test_the_tasks_of_a_batch_share_one_span(new_tasks: NewTasks, tracer: FakeTracer) -> None:
    specs = [a_spec(queue="a"), a_spec(queue="b")]

    tasks = new_tasks.add(specs, None, CALLER).tasks

    [span] = tracer.spans
    assert (span.name, span.attributes["messaging.batch.message_count"]) == ("submit", 2)
    assert {task.trace and task.trace.span_id for task in tasks} == {span.span_id}


@pytest.mark.parametrize("trace", [CALLER, UNSAMPLED, None])
def test_without_traces_of_its_own_the_service_stores_those_of_callers(
    store: FakeTaskStore, clock: FakeClock, trace: TraceContext | None
) -> None:
    task = submit(NewTasks(store, UuidTaskIds(), clock, Anyone(), Untraced()), trace)

    stored = store.get(task.task_id)
    assert stored is not None
    assert stored.trace == trace


def test_a_repeated_request_leaves_the_trace_of_the_first(
    store: FakeTaskStore, new_tasks: NewTasks
) -> None:
    record = IdempotencyRecord(key="1", request_hash="a")
    first = new_tasks.add([a_spec()], record, CALLER)

    again = new_tasks.add([a_spec()], record, UNSAMPLED)

    assert again.replayed
    assert store.get(first.tasks[0].task_id) == first.tasks[0]


def test_a_wait_and_a_run_are_children_of_the_submit(
    new_tasks: NewTasks, tracer: FakeTracer, clock: FakeClock, run_tasks: Build
) -> None:
    task = submit(new_tasks)
    began = clock.now()
    clock.advance(timedelta(seconds=7))

    run_tasks(lambda run: None).execute("default")

    submitted, wait, run = tracer.spans
    assert (wait.name, run.name, run.kind) == ("wait default", "run default", SpanKind.CONSUMER)
    assert (wait.began, wait.ended) == (began, began + timedelta(seconds=7))
    assert wait.parent_id == run.parent_id == submitted.span_id
    assert run.links == [submitted.span_id]
    assert run.attributes == {
        "messaging.system": "task_manager",
        "messaging.operation.name": "run",
        "messaging.operation.type": "process",
        "messaging.destination.name": "default",
        "messaging.message.id": task.task_id,
        "task_manager.task.type": "sleep",
        "task_manager.task.attempt": 1,
        "task_manager.run.outcome": "completed",
    }


def test_a_retry_is_a_new_span_and_waits_from_the_time_when_it_is_due(
    store: FakeTaskStore,
    new_tasks: NewTasks,
    tracer: FakeTracer,
    clock: FakeClock,
    run_tasks: Build,
) -> None:
    policy = RetryPolicy(max_attempts=2, initial_delay=10, jitter=0)
    task = submit(new_tasks, retry=policy)
    run_tasks(fails).execute("default")
    ended = clock.now()
    clock.advance(timedelta(seconds=12))
    [due] = store.due(limit=1)
    store.save(Change(before=due, after=due.promote()))

    run_tasks(fails).execute("default")

    first, second = named(tracer, "run")
    assert first.span_id != second.span_id
    assert [run.attributes["task_manager.task.attempt"] for run in (first, second)] == [1, 2]
    assert [run.attributes["error.type"] for run in (first, second)] == ["failed"] * 2
    _, wait = named(tracer, "wait")
    assert (wait.began, wait.ended) == (ended + timedelta(seconds=10), clock.now())
    assert {span.trace_id for span in tracer.spans} == {CALLER.trace_id}
    clock.advance(timedelta(seconds=3))
    requeued = clock.now()
    RetryTask(OptimisticUpdate(store), clock).execute(task.task_id)
    clock.advance(timedelta(seconds=1))

    run_tasks(fails).execute("default")

    assert named(tracer, "wait")[-1].began == requeued


def test_an_attempt_log_that_cannot_be_read_costs_the_wait_and_not_the_run(
    store: FakeTaskStore,
    new_tasks: NewTasks,
    tracer: FakeTracer,
    clock: FakeClock,
    run_tasks: Build,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unavailable(task_id: str) -> None:
        raise StoreUnavailable("no")

    submit(new_tasks)
    claim(store, "dead:1")
    ReleaseRuns(store, OptimisticUpdate(store), clock, tracer).crashed({"dead:1": "It broke."})
    monkeypatch.setattr(store, "entries", unavailable)

    run_tasks(lambda run: None).execute("default")

    assert named(tracer, "wait") == []
    assert named(tracer, "run")[-1].attributes["task_manager.run.outcome"] == "completed"


@pytest.mark.parametrize("trace", [None, UNSAMPLED])
def test_a_task_without_a_recorded_trace_is_run_without_spans(
    store: FakeTaskStore,
    clock: FakeClock,
    tracer: FakeTracer,
    run_tasks: Build,
    trace: TraceContext | None,
) -> None:
    submit(NewTasks(store, UuidTaskIds(), clock, Anyone(), Untraced()), trace)

    assert run_tasks(lambda run: None).execute("default") == 1

    assert tracer.spans == []


@pytest.mark.parametrize("crashed", [True, False])
def test_the_run_of_a_dead_process_is_recorded_by_the_one_that_ends_it(
    store: FakeTaskStore, new_tasks: NewTasks, tracer: FakeTracer, clock: FakeClock, crashed: bool
) -> None:
    submit(new_tasks)
    run = claim(store, "dead:1")
    clock.advance(timedelta(seconds=5))
    release = ReleaseRuns(store, OptimisticUpdate(store), clock, tracer)

    release.crashed({"dead:1": "It broke."}) if crashed else release.stopped_under("dead:")

    [span] = named(tracer, "run")
    assert (span.began, span.ended) == (run.started_at, clock.now())
    assert run.trace is not None
    assert (span.trace_id, span.parent_id) == (run.trace.trace_id, run.trace.span_id)
    outcome = "worker_lost" if crashed else "handed_back"
    assert span.attributes["task_manager.run.outcome"] == outcome
    assert (span.is_error, span.attributes.get("error.type")) == (
        (True, "worker_lost") if crashed else (False, None)
    )
    assert "broke" not in repr(span)


def test_a_run_whose_lease_ran_out_is_recorded_by_maintenance(
    store: FakeTaskStore, new_tasks: NewTasks, tracer: FakeTracer, clock: FakeClock
) -> None:
    submit(new_tasks), submit(NewTasks(store, UuidTaskIds(), clock, Anyone(), Untraced()), None)
    run, _ = claim(store, "lost:1"), claim(store, "lost:2")
    clock.advance(LEASE)

    assert len(RecoverTasks(store, store, clock, tracer).execute().tasks) == 2

    [span] = named(tracer, "run")
    assert (span.began, span.ended) == (run.started_at, clock.now())
    assert span.attributes["error.type"] == "worker_lost"


def test_the_log_lines_of_a_run_have_its_trace(
    store: FakeTaskStore,
    new_tasks: NewTasks,
    run_tasks: Build,
    caplog: pytest.LogCaptureFixture,
) -> None:
    submit(new_tasks)
    with caplog.at_level("INFO"):
        run_tasks(fails).execute("default")

    lines = [record for record in caplog.records if hasattr(record, "task_id")]
    assert [line.trace_id for line in lines] == [CALLER.trace_id] * 2
    assert [line.action for line in lines] == ["task_failed", "run_finished"]
