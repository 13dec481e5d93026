"""A caller's retry of a final task."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.errors import TaskNotRetryable
from domain.status import FINAL, Status
from domain.task_spec import TaskSpec
from tests.building import LATER, a_task

REACHED = list(Status)


def test_a_stored_task_with_a_name_that_is_now_invalid_can_be_retried() -> None:
    failed = a_task(Status.FAILED)
    old = replace(failed, spec=TaskSpec.restore({**vars(failed.spec), "task_name": " "}))

    assert old.retry(LATER).status is Status.QUEUED


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED, Status.EXPIRED])
def test_a_task_that_ended_without_a_result_can_be_retried_as_if_it_had_never_run(
    status: Status,
) -> None:
    ended = a_task(status, run_at=LATER, expires_at=LATER + timedelta(seconds=1), labels={"a": "b"})

    again = ended.retry(LATER + timedelta(hours=1))

    assert (
        again.status,
        again.attempt,
        again.crashes,
        again.error,
        again.finished_at,
        again.started_at,
    ) == (*(Status.QUEUED, 0, 0, None, None, None),)
    assert (again.spec.run_at, again.spec.expires_at, dict(again.spec.labels)) == (
        LATER,
        None,
        {"a": "b"},
    )
    assert again.version == ended.version + 1


def test_a_retry_drops_a_run_at_that_lies_ahead_and_keeps_a_later_expires_at() -> None:
    never = LATER + timedelta(days=1)
    cancelled = a_task(Status.SCHEDULED, run_at=never, expires_at=never + timedelta(days=1)).cancel(
        LATER
    )

    again = cancelled.retry(LATER)

    assert (again.status, again.spec.run_at, again.spec.expires_at) == (
        Status.QUEUED,
        None,
        never + timedelta(days=1),
    )


def test_run_at_and_expires_at_equal_to_now_count_as_passed() -> None:
    ended = a_task(Status.CANCELLED, run_at=LATER, expires_at=LATER + timedelta(seconds=1))

    assert ended.retry(LATER).spec.run_at == LATER
    assert ended.retry(LATER - timedelta(microseconds=1)).spec.run_at is None
    assert ended.retry(LATER + timedelta(seconds=1)).spec.expires_at is None


@pytest.mark.parametrize(
    "status", [status for status in REACHED if status not in FINAL or status is Status.COMPLETED]
)
def test_a_task_that_is_not_final_or_has_a_result_cannot_be_retried(status: Status) -> None:
    with pytest.raises(TaskNotRetryable, match=f"The task is {status}"):
        a_task(status).retry(LATER)


def test_a_task_that_was_deleted_while_it_ran_cannot_be_retried_before_it_is_removed() -> None:
    """It would run once more, and be removed together with its end."""
    ended = a_task(Status.PROCESSING).discard(LATER).stop(LATER)
    assert ended.status is Status.CANCELLED

    with pytest.raises(TaskNotRetryable, match="was deleted while it ran"):
        ended.retry(LATER)
