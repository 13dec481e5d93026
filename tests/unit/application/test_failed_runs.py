"""A run whose handler fails: the error of its task, and when it is tried again."""

import logging
from datetime import UTC, datetime, timedelta

import pytest

from application.errors import HandlerFailed
from application.use_cases.maintenance.promote_tasks import PromoteTasks
from domain.retry_policy import RetryPolicy
from domain.status import Status
from domain.task import Task
from tests.fakes.clock import FakeClock
from tests.storing import stored, submit


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


def test_an_exception_whose_message_is_no_text_fails_the_task(
    store, run_tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        logging.getLogger("application.handler_outcomes"), "disabled", True
    )  # no report can hold it

    def work(run: Task) -> None:
        raise ValueError("\ud800")

    task = submit(store)
    run_tasks(work).execute("default")

    assert stored(store, task).error.message == "ValueError: ?"


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


def test_a_retry_is_due_by_the_clock_of_the_store(store, run_tasks, clock) -> None:
    task = submit(store, retry=RetryPolicy(max_attempts=2, initial_delay=60, jitter=0))

    class WrongClock(FakeClock):
        def now(self) -> datetime:
            return datetime(1999, 1, 1, tzinfo=UTC)

    run_tasks(lambda run: 1 / 0, WrongClock()).execute("default")

    assert stored(store, task).due_at == clock.now() + timedelta(seconds=60)


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
