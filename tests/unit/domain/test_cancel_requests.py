"""A cancelled task, and a running one that is asked to stop."""

from domain.retry_policy import RetryPolicy
from domain.status import Status
from tests.building import AN_ERROR, LATER, a_task


def test_a_cancelled_task_has_the_error_cancelled() -> None:
    cancelled = a_task().cancel(LATER)

    assert cancelled.error is not None
    assert (cancelled.error.code, cancelled.finished_at) == ("cancelled", LATER)


def test_a_running_task_is_asked_to_stop_once() -> None:
    asked = a_task(Status.PROCESSING).cancel(LATER)

    assert (asked.status, asked.cancel_requested) == (Status.PROCESSING, True)
    assert asked.cancel(LATER) is asked
    assert asked.stop(LATER).status is asked.lose(LATER).status is Status.CANCELLED
    assert asked.complete("done", LATER).status is Status.COMPLETED


def test_a_discarded_task_is_asked_to_stop_and_remains_discarded_when_it_is_final() -> None:
    run = a_task(Status.PROCESSING)

    discarded = run.discard(LATER)

    assert (discarded.cancel_requested, discarded.discarded, discarded.version) == (
        True,
        True,
        run.version + 1,
    )
    assert discarded.discard(LATER) == discarded
    assert run.cancel(LATER).discard(LATER).discarded
    assert discarded.stop(LATER).status is Status.CANCELLED
    assert discarded.stop(LATER).discarded


def test_a_run_that_fails_or_is_postponed_after_a_cancel_request_ends_as_cancelled() -> None:
    patient = RetryPolicy(max_attempts=9)
    run = a_task(retry=patient).start(owner="host:1", fencing_token=1, now=LATER).cancel(LATER)

    assert run.fail(AN_ERROR, LATER).status is Status.CANCELLED
    assert run.postpone(LATER).status is Status.CANCELLED
