"""Read the attempts of a task."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from application.ports.attempt_log import MAX_ENTRIES, AttemptLog, Requeued
from application.ports.task_repository import TaskRepository
from domain.attempt import Attempt
from domain.task import Task


@dataclass(frozen=True, kw_only=True)
class TaskAttempts:
    attempts: Sequence[Attempt]
    """Oldest first."""
    waiting_since: datetime | None
    """Time from which a waiting task can run, which may lie ahead; None for other tasks, and where
    it is not known."""


class ReadAttempts:
    def __init__(self, repository: TaskRepository, attempt_log: AttemptLog) -> None:
        self._repository = repository
        self._attempt_log = attempt_log

    def execute(self, task_id: str) -> TaskAttempts:
        """Return the runs of the task. Raises TaskNotFound and StoreUnavailable.

        The run that goes on, and the last one of a final task, follow from the task.
        """
        task = self._repository.get_or_raise(task_id)
        entries = self._attempt_log.entries(task_id)
        is_whole = len(entries) < MAX_ENTRIES
        can_run_at = _first_time(task) if is_whole else None
        attempts: list[Attempt] = []
        for entry in entries:
            if isinstance(entry, Requeued):
                can_run_at = entry.at
            else:
                attempts.append(_queued(entry, task, can_run_at))
                can_run_at = entry.next_at
        latest = Attempt.latest(task)
        if latest and latest.started_at not in {attempt.started_at for attempt in attempts}:
            if not entries and latest.number > 1:
                can_run_at = None  # an older version stored no attempts
            attempts.append(_queued(latest, task, can_run_at))
        waits = task.status.is_waiting and (bool(entries) or task.attempt == 0)
        return TaskAttempts(
            attempts=attempts, waiting_since=task.due_at or can_run_at if waits else None
        )


def _first_time(task: Task) -> datetime:
    """Return when the task could run for the first time."""
    return max(task.submitted_at, task.spec.run_at or task.submitted_at)


def _queued(attempt: Attempt, task: Task, can_run_at: datetime | None) -> Attempt:
    """Return the attempt with the time from which the task could run.

    A caller may have moved the run_at of a task that waited for its next attempt.
    """
    if can_run_at is None or attempt.started_at is None:
        return attempt
    moved = max(can_run_at, task.spec.run_at or can_run_at)
    queued_at = moved if moved <= attempt.started_at else min(can_run_at, attempt.started_at)
    return replace(attempt, queued_at=queued_at)
