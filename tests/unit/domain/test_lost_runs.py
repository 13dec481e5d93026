"""Runs that are lost or handed back: what counts as a crash or an attempt, and what is forgiven."""

from dataclasses import replace
from datetime import timedelta

from domain.retry_policy import RetryPolicy
from domain.status import Status
from domain.task import MAX_CRASHES
from tests.building import AN_ERROR, LATER, NOON, a_task


def test_a_run_that_is_handed_back_is_not_counted() -> None:
    waiting = a_task()

    again = waiting.start(owner="host:2", fencing_token=1, now=LATER).stop(LATER)

    assert replace(again, version=waiting.version, fencing_token=0) == waiting


def test_a_lost_run_counts_as_a_crash_and_is_repeated_three_times() -> None:
    task = a_task()
    for crash in range(1, MAX_CRASHES + 1):
        task = task.start(owner="host:2", fencing_token=crash, now=LATER).lose(LATER)
        assert (task.status, task.crashes, task.attempt) == (Status.QUEUED, crash, crash)

    task = task.start(owner="host:2", fencing_token=9, now=LATER).lose(LATER, "SIGSEGV ended it.")

    assert (task.status, task.attempt, task.finished_at) == (Status.FAILED, 4, LATER)
    assert task.error is not None
    assert task.error.code == "worker_lost"
    assert task.error.message.endswith("Cause of the last crash: SIGSEGV ended it.")


def test_a_lost_run_that_was_out_of_time_has_timed_out() -> None:
    run = a_task(Status.PROCESSING, timeout=3)

    lost = run.lose(NOON + timedelta(seconds=3))

    assert (lost.status, lost.crashes) == (Status.FAILED, 0)
    assert lost.error is not None
    assert lost.error.code == "timeout"
    assert run.lose(NOON + timedelta(seconds=2)).status is Status.QUEUED


def test_crashes_do_not_count_against_the_attempts() -> None:
    task = a_task(retry=RetryPolicy(max_attempts=2))
    for claim in (1, 2):
        task = task.start(owner="host:1", fencing_token=claim, now=NOON).lose(NOON)

    failed_once = task.start(owner="host:1", fencing_token=3, now=NOON).fail(AN_ERROR, NOON)
    failed_twice = (
        failed_once.promote().start(owner="host:1", fencing_token=4, now=NOON).fail(AN_ERROR, NOON)
    )

    assert (failed_once.status, failed_twice.status) == (Status.SCHEDULED, Status.FAILED)


def test_a_forgiven_crash_counts_neither_as_crash_nor_as_attempt() -> None:
    lost = a_task(Status.PROCESSING).lose(NOON)

    forgiven = lost.forgive(lost.fencing_token)

    assert (forgiven.attempt, forgiven.crashes, forgiven.last_error) == (0, 0, None)
    assert forgiven.forgive(lost.fencing_token) is forgiven


def test_an_earlier_crash_that_is_forgiven_leaves_the_error_of_the_later_one() -> None:
    first = a_task(Status.PROCESSING).lose(NOON, "The first.")
    second = first.start(owner="host:1", fencing_token=2, now=NOON).lose(NOON, "The second.")

    assert second.forgive(1).last_error == second.last_error
    assert second.forgive(2).last_error is None


def test_forgiving_an_earlier_crash_keeps_the_error_of_a_later_failure() -> None:
    lost = a_task(Status.PROCESSING, retry=RetryPolicy(max_attempts=2)).lose(NOON)
    failed = lost.start(owner="host:1", fencing_token=2, now=NOON).fail(AN_ERROR, NOON)

    assert failed.forgive(lost.fencing_token).last_error == AN_ERROR
