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
        wait = _Wait(task, is_known=len(entries) < MAX_ENTRIES and _begin_with_first(entries))
        attempts: list[Attempt] = []
        for entry in entries:
            if isinstance(entry, Requeued):
                wait.begin(entry.at, entry.at)
            else:
                attempts.append(wait.end(entry))
                wait.begin(entry.ended_at, entry.next_at)
        latest = Attempt.latest(task)
        if latest and latest.started_at not in {attempt.started_at for attempt in attempts}:
            if not entries and latest.number > 1:
                wait.begin(None, None)  # an older version stored no attempts
            attempts.append(wait.end(latest))
        if not entries and task.attempt:
            wait.begin(None, None)
        return TaskAttempts(
            attempts=attempts,
            waiting_since=task.due_at or wait.over_at if task.status.is_waiting else None,
        )


def _begin_with_first(entries: Sequence[Attempt | Requeued]) -> bool:
    """Return whether no attempt came before the entries: an older version stored none."""
    return not entries or isinstance(entries[0], Requeued) or entries[0].number == 1


class _Wait:
    """The time before an attempt, from the submission or the end of the attempt before it."""

    def __init__(self, task: Task, *, is_known: bool) -> None:
        """`is_known` says that the first attempt is known."""
        self._run_at = task.spec.run_at
        self._since: datetime | None = None
        self._can_run_at: datetime | None = None
        if is_known:
            self.begin(task.submitted_at, max(task.submitted_at, self._run_at or task.submitted_at))

    def begin(self, since: datetime | None, can_run_at: datetime | None) -> None:
        self._since, self._can_run_at = since, can_run_at

    @property
    def over_at(self) -> datetime | None:
        """Return from when the task could run; None where it is not known."""
        return self._over_at(None)

    def end(self, attempt: Attempt) -> Attempt:
        """Return the attempt with the time from which the task could run."""
        queued_at = self._over_at(attempt.started_at)
        return replace(attempt, queued_at=queued_at)

    def _over_at(self, started_at: datetime | None) -> datetime | None:
        """A run_at after the beginning of the wait was set by a caller during the wait."""
        if self._can_run_at is None or self._since is None:
            return None
        if self._run_at and self._since < self._run_at <= (started_at or self._run_at):
            return self._run_at
        return min(self._can_run_at, started_at) if started_at else self._can_run_at
