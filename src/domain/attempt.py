"""Attempts: how each run of a task went."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from domain.status import Status
from domain.task import Task
from domain.task_error import TIMEOUT, WORKER_LOST, TaskError

MAX_MESSAGE_LENGTH = 300
"""Characters of an error's message that an attempt repeats."""


class AttemptOutcome(StrEnum):
    """The end of a run. `Attempt.next_at` says whether another attempt follows."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    WORKER_LOST = "worker_lost"
    CANCELLED = "cancelled"
    HANDED_BACK = "handed_back"
    """The worker gave the task back, because of a shutdown or an outage. The run does not count."""
    POSTPONED = "postponed"
    """The worker did not know the type of the task. The run does not count."""


OUTCOME_OF_ERROR = {TIMEOUT: AttemptOutcome.TIMED_OUT, WORKER_LOST: AttemptOutcome.WORKER_LOST}


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One run of a task."""

    number: int
    """From 1. A run that did not count gives its number back, and so does a caller's retry."""
    outcome: AttemptOutcome
    queued_at: datetime | None = None
    """Time from which the task could run; None where that is not known any more."""
    started_at: datetime | None
    ended_at: datetime | None = None
    """None while the run goes on."""
    owner: str | None = None
    """The worker process; None where only the task itself is stored of the run."""
    error: TaskError | None = None
    next_at: datetime | None = None
    """Time from which the task could run again; None when no attempt followed by itself."""

    @classmethod
    def of_run(cls, run: Task, after: Task, ended_at: datetime) -> Self:
        """Return the attempt of a run that left the task like `after`."""
        outcome, error = _end_of(run, after)
        next_at = after.due_at or ended_at if after.status.is_waiting else None
        return cls(
            number=run.attempt,
            outcome=outcome,
            started_at=run.started_at,
            ended_at=ended_at,
            owner=run.owner,
            error=error,
            next_at=next_at,
        )

    @classmethod
    def latest(cls, task: Task) -> Self | None:
        """Return the attempt that the task itself tells of: a run that goes on, or the last run of
        a final task. None for other tasks.
        """
        if task.started_at is None:
            return None
        running = task.status is Status.PROCESSING
        outcome, error = (AttemptOutcome.RUNNING, None) if running else _end_of(task, task)
        return cls(
            number=task.attempt,
            outcome=outcome,
            started_at=task.started_at,
            ended_at=task.finished_at,
            owner=task.owner,
            error=error,
        )


def is_told_by_task(run: Task, after: Task) -> bool:
    """Return whether the run needs no record beside its task: the first one succeeded."""
    return after.status is Status.COMPLETED and run.attempt == 1


def _end_of(run: Task, after: Task) -> tuple[AttemptOutcome, TaskError | None]:
    if after.status is Status.COMPLETED:
        return AttemptOutcome.COMPLETED, None
    if after.status is Status.CANCELLED:
        return AttemptOutcome.CANCELLED, None
    if after.attempt < run.attempt:
        is_queued = after.status is Status.QUEUED
        return (AttemptOutcome.HANDED_BACK if is_queued else AttemptOutcome.POSTPONED), None
    error = after.error or after.last_error
    code = error.code if error else ""
    short = error and error.shortened(MAX_MESSAGE_LENGTH)
    return OUTCOME_OF_ERROR.get(code, AttemptOutcome.FAILED), short
