"""The error of the latest failed run, which a task has until it is final."""

from dataclasses import replace

from domain.retry_policy import RetryPolicy
from domain.status import Status
from domain.task_error import TaskError
from tests.building import AN_ERROR, LATER, a_spec, a_task


def test_a_task_has_the_error_of_its_latest_failed_run_until_it_is_final() -> None:
    run = a_task(Status.PROCESSING, retry=RetryPolicy(max_attempts=2))

    failed = run.fail(AN_ERROR, LATER)
    lost = run.lose(LATER, "SIGSEGV ended it.")
    overdue = replace(run, spec=a_spec(timeout=3, retry=RetryPolicy(max_attempts=2))).stop(LATER)

    assert (failed.error, failed.last_error) == (None, AN_ERROR)
    assert lost.last_error is not None
    assert lost.last_error.code == "worker_lost"
    assert (
        lost.last_error.message == "The run was lost; the task is queued again. SIGSEGV ended it."
    )
    assert overdue.last_error is not None
    assert overdue.last_error.code == "timeout"
    again = failed.promote().start(owner="host:1", fencing_token=2, now=LATER)
    assert (
        again.last_error
        == again.postpone(LATER).last_error
        == again.stop(LATER).last_error
        == AN_ERROR
    )
    ends = [
        again.complete(1, LATER),
        again.fail(AN_ERROR, LATER),
        failed.cancel(LATER),
        failed.expire(LATER),
    ]
    assert [end.last_error for end in ends] == [None] * 4


def test_a_last_error_is_short_since_each_event_of_the_task_repeats_it() -> None:
    run = a_task(Status.PROCESSING, retry=RetryPolicy(max_attempts=2))

    failed = run.fail(TaskError(code="handler_error", message="x" * 1_005), LATER)

    assert failed.last_error is not None
    assert failed.last_error.message == "x" * 1_000 + "… (5 characters more)"


def test_a_last_error_of_1000_characters_is_kept_whole_and_a_longer_one_is_not() -> None:
    run = a_task(Status.PROCESSING, retry=RetryPolicy(max_attempts=2))

    def last_message(length: int) -> str:
        failed = run.fail(TaskError(code="handler_error", message="x" * length), LATER)
        assert failed.last_error is not None
        return failed.last_error.message

    assert last_message(1_000) == "x" * 1_000
    assert last_message(1_001) == "x" * 1_000 + "… (1 characters more)"
