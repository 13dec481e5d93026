"""A run from claim to result, with everything that may go wrong on the way."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.handlers.run_context import BufferedRunContextFactory
from adapters.supervision.task_process import TaskProcess
from application.errors import HandlerFailed, RunStopped
from application.optimistic_update import OptimisticUpdate
from application.ports.run import RunContext
from application.ports.task_repository import Change
from application.use_cases.maintenance.promote_tasks import PromoteTasks
from application.use_cases.tasks.cancel_task import CancelTask
from application.use_cases.worker.finish_run import FinishRun
from application.use_cases.worker.run_handler import RunHandler
from application.use_cases.worker.run_tasks import MAX_CLAIM_ATTEMPTS, PAUSE_SECONDS, RunTasks
from domain.events import Event
from domain.retry_policy import RetryPolicy
from domain.status import Status
from domain.task import Task
from domain.task_spec import TaskPatch
from domain.task_state import Progress
from tests.building import NOON, a_task
from tests.fakes.clock import FakeClock
from tests.fakes.lease_keeper import FakeLeaseKeeper
from tests.fakes.run_interrupt import FakeRunInterrupt
from tests.fakes.task_handlers import FakeTaskHandlers
from tests.fakes.task_store import FakeTaskStore

Work = Callable[..., Any]


@pytest.fixture
def keeper() -> FakeLeaseKeeper:
    return FakeLeaseKeeper()


@pytest.fixture
def interrupt() -> FakeRunInterrupt:
    return FakeRunInterrupt()


@pytest.fixture
def run_tasks(
    store: FakeTaskStore, clock: FakeClock, keeper: FakeLeaseKeeper, interrupt: FakeRunInterrupt
) -> Callable[..., RunTasks]:
    def build(work: Work, clock: FakeClock = clock) -> RunTasks:
        contexts = BufferedRunContextFactory(store, interrupt, TaskProcess())
        return RunTasks(
            leases=store,
            run_handler=RunHandler(
                FakeTaskHandlers(work),
                contexts,
                interrupt,
                max_result_bytes=1_000,
                limit_name="TASKS_MAX_RESULT_BYTES",
            ),
            finish_run=FinishRun(OptimisticUpdate(store), clock),
            keeper=keeper,
            clock=clock,
            owner="a:1",
        )

    return build


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


def submit(store: FakeTaskStore, **members: object) -> Task:
    return store.save(Change(before=None, after=a_task(**members)))


def stored(store: FakeTaskStore, task: Task) -> Task:
    now = store.get(task.task_id)
    assert now is not None
    return now


def test_the_result_of_the_work_completes_the_task(store, run_tasks) -> None:
    task = submit(store)

    assert run_tasks(lambda run: {"name": run.spec.task_name}).execute("default")

    done = stored(store, task)
    assert (done.status, done.result, done.attempt) == (Status.COMPLETED, {"name": "test"}, 1)


def test_an_empty_queue_is_no_work(store, run_tasks, keeper) -> None:
    assert not run_tasks(lambda run: pytest.fail("there is no task")).execute("default")
    assert keeper.calls == ["arm", "release"]


def test_an_exception_fails_the_task_with_its_class_and_message(store, run_tasks) -> None:
    def work(run: Task) -> None:
        raise ValueError("no such picture")

    task = submit(store)
    run_tasks(work).execute("default")

    failed = stored(store, task)
    assert failed.status is Status.FAILED
    assert failed.error is not None
    assert (failed.error.code, failed.error.message) == (
        "handler_error",
        "ValueError: no such picture",
    )


@pytest.mark.parametrize(
    "result", [float("nan"), b"bytes", "\ud800", {"a": {1, 2}}, [float("inf")]]
)
def test_a_result_that_cannot_be_kept_fails_the_task(store, run_tasks, result) -> None:
    task = submit(store)

    assert run_tasks(lambda run: result).execute("default")
    assert not run_tasks(lambda run: result).execute("default")

    failed = stored(store, task)
    assert failed.status is Status.FAILED
    assert failed.error.code == "handler_error"


def test_an_exception_whose_message_is_no_text_fails_the_task(
    store, run_tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        logging.getLogger("application.use_cases.worker.run_handler"), "disabled", True
    )  # no report can hold it

    def work(run: Task) -> None:
        raise ValueError("\ud800")

    task = submit(store)
    run_tasks(work).execute("default")

    assert stored(store, task).error.message == "ValueError: ?"


def test_a_type_that_this_worker_does_not_know_is_put_off_uncounted(store, run_tasks) -> None:
    task = submit(store, type="dance")

    run_tasks(lambda run: None).execute("default")

    later = stored(store, task)
    assert (later.status, later.attempt) == (Status.SCHEDULED, 0)
    assert later.due_at == NOON + timedelta(seconds=10)


def test_a_failed_run_is_tried_again_later_until_its_attempts_are_used_up(
    store, run_tasks, clock
) -> None:
    task = submit(store, retry=RetryPolicy(max_attempts=3, initial_delay=10, factor=3, jitter=0))
    run = run_tasks(lambda run: 1 / 0)
    delays = []
    while run.execute("default") and not stored(store, task).status.is_final:
        delays.append(stored(store, task).due_at - clock.now())
        clock.advance(delays[-1])
        PromoteTasks(store, clock).execute()

    failed = stored(store, task)
    assert delays == [timedelta(seconds=10), timedelta(seconds=30)]
    assert (failed.status, failed.attempt) == (Status.FAILED, 3)


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_failed_run_leaves_a_line_that_says_why_and_what_follows(
    store, run_tasks, clock, goes_on: bool
) -> None:
    def work(run: Task) -> None:
        raise HandlerFailed("POST https://example.com/ answered 503:\nBusy.")

    task = submit(store, retry=RetryPolicy(max_attempts=2, initial_delay=4, jitter=0))
    run = run_tasks(work)
    run.execute("default", lambda: goes_on)
    clock.advance(timedelta(seconds=4))
    PromoteTasks(store, clock).execute()
    run.execute("default", lambda: goes_on)

    said = "POST https://example.com/ answered 503: Busy"
    assert [(line.attempt, line.message) for line in store.lines(task.task_id)] == [
        (1, f"Attempt 1 failed: {said}; the next attempt starts in 4 s."),
        (2, f"Attempt 2 failed: {said}; no attempt follows."),
    ]


@pytest.mark.parametrize(
    ("length", "status"), [(998, Status.COMPLETED), (999, Status.FAILED)], ids=["limit", "one more"]
)
def test_a_result_may_have_as_many_bytes_as_the_limit_says(
    store, run_tasks, length: int, status: Status
) -> None:
    task = submit(store)

    run_tasks(lambda run: "x" * length).execute("default")

    assert stored(store, task).status is status  # the two quotes of JSON count as well


def test_the_message_of_an_error_is_cut_after_10000_characters(store, run_tasks) -> None:
    def work(run: Task) -> None:
        raise HandlerFailed("x" * 10_001)

    task = submit(store)
    run_tasks(work).execute("default")

    error = stored(store, task).error
    assert error is not None
    assert error.message == "x" * 10_000


def test_a_line_about_a_failed_run_is_short(store, run_tasks) -> None:
    def work(run: Task) -> None:
        raise HandlerFailed("x" * 5_000)

    task = submit(store)
    run_tasks(work).execute("default")

    [line] = store.lines(task.task_id)
    assert line.message == f"Attempt 1 failed: {'x' * 1_000}…; no attempt follows."


@pytest.mark.parametrize("goes_on", [False, True])
@pytest.mark.parametrize(
    ("type", "error", "attempts", "outcome"),
    [
        ("sleep", None, 1, "completed"),
        ("sleep", HandlerFailed("no"), 1, "failed"),
        ("sleep", HandlerFailed("no"), 2, "retrying"),
        ("sleep", RunStopped(), 1, "handed_back"),
        ("unknown", None, 1, "postponed"),
    ],
)
def test_each_end_of_a_run_is_one_line_of_the_log_of_the_worker(
    store,
    run_tasks,
    clock,
    interrupt,
    caplog,
    goes_on: bool,
    type: str,
    error: Exception | None,
    attempts: int,
    outcome: str,
) -> None:
    def work(run: Task) -> None:
        clock.advance(timedelta(seconds=1.5))
        if isinstance(error, RunStopped):
            interrupt.request()
        if error:
            raise error

    rounds = iter([goes_on])
    task = submit(store, type=type, retry=RetryPolicy(max_attempts=attempts, initial_delay=60))
    with caplog.at_level(logging.INFO):
        run_tasks(work).execute("default", lambda: next(rounds, False))

    [line] = [
        record for record in caplog.records if getattr(record, "action", "") == "run_finished"
    ][:1]
    said = (line.levelname, line.task_id, line.type, line.outcome, line.attempt)
    assert said == ("INFO", task.task_id, type, outcome, 1)
    assert line.seconds == (0 if type == "unknown" else 1.5)


def test_a_retry_is_due_by_the_clock_of_the_store(store, run_tasks, clock) -> None:
    task = submit(store, retry=RetryPolicy(max_attempts=2, initial_delay=60, jitter=0))

    class WrongClock(FakeClock):
        def now(self) -> datetime:
            return datetime(1999, 1, 1, tzinfo=UTC)

    run_tasks(lambda run: 1 / 0, WrongClock()).execute("default")

    assert stored(store, task).due_at == clock.now() + timedelta(seconds=60)


def test_a_run_may_be_interrupted_only_in_its_work(store, run_tasks, interrupt) -> None:
    submit(store)
    seen = []

    run_tasks(lambda run: seen.append(interrupt.is_allowed)).execute("default")

    assert seen == [True]
    assert not interrupt.is_allowed


def test_a_run_that_was_cancelled_ends_as_cancelled(store, run_tasks, clock, interrupt) -> None:
    def work(run: Task) -> None:
        CancelTask(OptimisticUpdate(store), clock).execute(run.task_id)
        interrupt.request()

    task = submit(store)
    run_tasks(work).execute("default")

    ended = stored(store, task)
    assert ended.status is Status.CANCELLED
    assert ended.error is not None
    assert ended.error.code == "cancelled"


def test_a_run_that_took_too_long_ends_as_timed_out(store, run_tasks, clock, interrupt) -> None:
    def work(run: Task) -> None:
        clock.advance(timedelta(seconds=5))
        interrupt.request()

    task = submit(store, timeout=5)
    run_tasks(work).execute("default")

    ended = stored(store, task)
    assert ended.status is Status.FAILED
    assert ended.error is not None
    assert ended.error.code == "timeout"


def test_a_run_that_stops_itself_unasked_has_failed(store, run_tasks) -> None:
    def work(run: Task) -> None:
        raise RunStopped

    task = submit(store)
    run_tasks(work).execute("default")

    ended = stored(store, task)
    assert (ended.status, ended.error.code) == (Status.FAILED, "handler_error")


def test_a_run_that_was_stopped_for_no_reason_is_queued_again_and_fails_the_fourth_time(
    store, run_tasks, interrupt
) -> None:
    def work(run: Task) -> None:
        interrupt.request()

    task, runs = submit(store), run_tasks(work)
    runs.execute("default")

    again = stored(store, task)
    assert (again.status, again.crashes) == (Status.QUEUED, 1)

    for _ in range(3):
        runs.execute("default")
    ended = stored(store, task)
    assert (ended.status, ended.error.code) == (Status.FAILED, "worker_lost")
    assert "SIGUSR2" in ended.error.message


def test_a_result_that_comes_before_the_stop_is_kept(store, run_tasks, clock) -> None:
    def work(run: Task) -> str:
        CancelTask(OptimisticUpdate(store), clock).execute(run.task_id)
        return "done"

    task = submit(store)
    run_tasks(work).execute("default")

    assert (stored(store, task).status, stored(store, task).result) == (Status.COMPLETED, "done")


def test_what_the_work_says_is_kept_before_its_result(store, run_tasks) -> None:
    def work(run: Task, context: RunContext) -> str:
        context.log("working")
        context.progress(0.5, "half")
        return "done"

    task = submit(store)
    run_tasks(work).execute("default")

    done = stored(store, task)
    told = [(event, seen.progress) for event, seen in store.events][-2:]
    assert told == [
        (Event.PROGRESS, Progress(fraction=0.5, message="half")),
        (Event.COMPLETED, None),
    ]
    assert [(line.attempt, line.message) for line in store.lines(task.task_id)] == [(1, "working")]
    assert done.status is Status.COMPLETED


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (
            {1, 2},
            "The result is not JSON: Object of type set is not JSON serializable. There is a set "
            "at the top. Ret",
        ),
        (
            {"a": [1, {"b": NOON}]},
            "The result is not JSON: Object of type datetime is not JSON serializable. There is a "
            "datetime at /a/1/b. Return text, numbers, lists and objects.",
        ),
        (float("nan"), "The result is not JSON: Out of range float values are not JSON compliant"),
        ("\udfff", "The result is not JSON: 'utf-8' codec can't encode"),
        (nested(33), "The result cannot be stored: it is nested deeper than 32 levels."),
        (
            "x" * 2_000,
            "The result has 2002 bytes as JSON; 1000 are allowed (TASKS_MAX_RESULT_BYTES)",
        ),
    ],
)
def test_a_result_that_cannot_be_kept_fails_the_task_for_good(
    store, run_tasks, result: object, said: str
) -> None:
    task = submit(store, retry=RetryPolicy(max_attempts=3))

    run_tasks(lambda run: result).execute("default")

    failed = stored(store, task)
    assert (failed.status, failed.error.code) == (Status.FAILED, "handler_error")
    assert failed.error.message.startswith(said)


@pytest.mark.parametrize("go_on", [True, False])
def test_an_end_that_the_store_cannot_keep_fails_the_task_and_is_not_repeated(
    store, run_tasks, monkeypatch: pytest.MonkeyPatch, go_on: bool
) -> None:
    plain = store.save

    def refusing(change: Change) -> Task:
        if change.after.status is Status.COMPLETED:
            raise RecursionError("too deep")
        return plain(change)

    task = submit(store)
    monkeypatch.setattr(store, "save", refusing)
    assert run_tasks(lambda run: "done").execute("default", lambda: go_on) == 1

    failed = stored(store, task)
    assert (failed.status, failed.attempt) == (Status.FAILED, 1)
    assert failed.error.message == "The result cannot be stored: RecursionError: too deep"


def test_an_end_that_the_store_refuses_again_and_again_is_not_tried_without_a_pause(
    store, run_tasks, clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, refusals, began = store.save, iter(range(10)), clock.monotonic()

    def refusing(change: Change) -> Task:
        if next(refusals, None) is not None:
            raise RuntimeError("WRONGTYPE")
        return plain(change)

    task = submit(store)
    monkeypatch.setattr(store, "save", refusing)
    run_tasks(lambda run: "done").execute("default")

    assert stored(store, task).status is Status.FAILED
    assert clock.monotonic() - began >= 9 * PAUSE_SECONDS


def test_a_claim_that_fails_does_not_cost_the_result_before_it(
    store, run_tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("WRONGTYPE")

    task = submit(store)
    monkeypatch.setattr(store, "finish_and_claim", broken)
    assert run_tasks(lambda run: "precious").execute("default", lambda: True) == 1

    assert (stored(store, task).status, stored(store, task).result) == (
        Status.COMPLETED,
        "precious",
    )


def test_a_result_may_be_nested_as_deep_as_a_body(store, run_tasks) -> None:
    task = submit(store)
    run_tasks(lambda run: nested(32)).execute("default")

    assert stored(store, task).status is Status.COMPLETED


def test_an_exception_whose_retry_is_code_that_fails_is_retried_as_any_other(
    store, run_tasks
) -> None:
    class Broken(Exception):
        @property
        def retry(self) -> bool:
            raise RuntimeError

    def work(run: Task) -> None:
        raise Broken

    task = submit(store, retry=RetryPolicy(max_attempts=2))
    run_tasks(work).execute("default")

    assert stored(store, task).status is Status.SCHEDULED


def test_an_exception_may_say_that_trying_again_cannot_help(store, run_tasks) -> None:
    class BadInput(Exception):
        retry = False

    def work(run: Task) -> None:
        raise BadInput("no such picture")

    task = submit(store, retry=RetryPolicy(max_attempts=3))
    run_tasks(work).execute("default")

    failed = stored(store, task)
    assert (failed.status, failed.error.message) == (Status.FAILED, "BadInput: no such picture")


def test_a_handler_may_ask_for_more_time_before_the_next_try(store, run_tasks, clock) -> None:
    def work(run: Task) -> None:
        raise HandlerFailed("busy", wait=timedelta(seconds=90))

    task = submit(store, retry=RetryPolicy(max_attempts=2))
    run_tasks(work).execute("default")

    waiting = stored(store, task)
    assert (waiting.status, waiting.due_at) == (
        Status.SCHEDULED,
        clock.now() + timedelta(seconds=90),
    )


def test_an_exception_whose_message_cannot_be_read_is_a_failure_like_any_other(
    store, run_tasks
) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    def work(run: Task) -> None:
        raise Mute

    task = submit(store)
    run_tasks(work).execute("default")

    assert stored(store, task).error.message == "Mute, whose message cannot be read"


def test_a_run_whose_end_was_never_reported_is_handed_back_before_the_next_claim(
    store, run_tasks
) -> None:
    task = submit(store)
    store.claim("default", owner="a:1", claim_id="from before")

    assert run_tasks(lambda run: "done").execute("default")

    done = stored(store, task)
    assert (done.status, done.attempt) == (Status.COMPLETED, 1)


def test_the_process_is_armed_before_the_claim_and_released_after_the_result(
    store, run_tasks, keeper
) -> None:
    task = submit(store)

    run_tasks(lambda run: keeper.calls.append("work")).execute("default")

    assert keeper.calls == [
        "arm",
        f"start renewing {task.task_id}",
        "work",
        "stop renewing",
        "release",
    ]


def test_a_claim_whose_reply_is_lost_is_repeated_and_starts_the_task_once(
    store, run_tasks, keeper
) -> None:
    task = submit(store)
    store.lose_replies = 2

    assert run_tasks(lambda run: "done").execute("default")

    assert (stored(store, task).attempt, stored(store, task).status) == (1, Status.COMPLETED)
    assert keeper.calls.count("arm") == 3


def test_a_store_that_stays_away_ends_the_try_without_work(store, run_tasks, keeper) -> None:
    submit(store)
    store.away = True

    assert not run_tasks(lambda run: pytest.fail("there was no claim")).execute("default")

    assert keeper.calls == ["arm"] * MAX_CLAIM_ATTEMPTS + ["release"]


def test_a_result_whose_reply_is_lost_is_stored_once(store, run_tasks) -> None:
    def work(run: Task) -> str:
        store.lose_replies = 2
        return "done"

    task = submit(store)
    run_tasks(work).execute("default")

    done = stored(store, task)
    assert (done.status, done.result, done.version) == (Status.COMPLETED, "done", 3)


def test_a_result_is_kept_though_the_labels_changed_during_the_run(store, run_tasks) -> None:
    def work(run: Task) -> str:
        store.save(Change(before=run, after=run.patch(TaskPatch({"labels": {"a": "b"}}))))
        return "done"

    task = submit(store)
    run_tasks(work).execute("default")

    done = stored(store, task)
    assert (done.result, dict(done.spec.labels)) == ("done", {"a": "b"})


def test_a_result_is_refused_when_another_has_the_task_by_now(store, run_tasks) -> None:
    def work(run: Task) -> str:
        store.save(Change(before=run, after=run.stop(NOON)))
        assert store.claim("default", owner="b:1", claim_id="1")
        return "stale"

    task = submit(store)
    run_tasks(work).execute("default")

    now = stored(store, task)
    assert (now.status, now.owner, now.result) == (Status.PROCESSING, "b:1", None)


def test_a_result_of_a_task_that_is_gone_is_dropped(store, run_tasks) -> None:
    def work(run: Task) -> str:
        store.remove(run)
        return "too late"

    task = submit(store)

    assert run_tasks(work).execute("default")
    assert store.get(task.task_id) is None


def test_the_keeper_is_released_though_the_run_ends_in_a_fault(store, run_tasks, keeper) -> None:
    def work(run: Task) -> None:
        raise SystemExit(1)

    submit(store)
    with pytest.raises(SystemExit):
        run_tasks(work).execute("default")

    assert keeper.calls[-1] == "release"


def test_tasks_run_one_after_the_other_for_as_long_as_they_may(store, run_tasks, keeper) -> None:
    tasks = [submit(store) for _ in range(4)]
    turns = iter([True, True, False])

    assert run_tasks(lambda run: "done").execute("default", lambda: next(turns)) == 3

    assert [stored(store, task).status for task in tasks] == [Status.COMPLETED] * 3 + [
        Status.QUEUED
    ]
    assert keeper.calls == [
        *("arm", f"start renewing {tasks[0].task_id}", "stop renewing"),
        *("arm", f"start renewing {tasks[1].task_id}", "stop renewing"),
        *("arm", f"start renewing {tasks[2].task_id}", "stop renewing"),
        "release",
    ]


def test_a_reply_that_is_lost_between_two_tasks_repeats_neither(store, run_tasks) -> None:
    def work(run: Task) -> str:
        ran.append(run.task_id)
        store.lose_replies = 3
        return "done"

    tasks, ran = [submit(store), submit(store)], []

    assert run_tasks(work).execute("default", lambda: True) == 2

    assert ran == [task.task_id for task in tasks]
    assert [(stored(store, task).status, stored(store, task).attempt) for task in tasks] == [
        (Status.COMPLETED, 1)
    ] * 2


def test_labels_that_change_during_a_run_hold_up_neither_it_nor_the_next(store, run_tasks) -> None:
    def work(run: Task) -> str:
        store.save(Change(before=run, after=run.patch(TaskPatch({"labels": {"a": "b"}}))))
        return "done"

    tasks = [submit(store), submit(store)]

    assert run_tasks(work).execute("default", lambda: True) == 2

    assert [stored(store, task).status for task in tasks] == [Status.COMPLETED] * 2
