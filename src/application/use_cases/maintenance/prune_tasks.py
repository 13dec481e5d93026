"""Remove final tasks whose retention is over, and tasks that were deleted while they ran."""

from collections.abc import Sequence
from datetime import timedelta

from application.ports.task_repository import Backlog, TaskRepository
from domain.task import Task

BATCH = 500


class PruneTasks:
    def __init__(self, repository: TaskRepository, retention: timedelta) -> None:
        self._repository = repository
        self._retention = retention

    def execute(self) -> int:
        """Remove at most one batch of each kind, so that other duties have their turn.

        Returns the number of removed tasks. Raises StoreUnavailable.
        """
        discarded = self._remove(Backlog.DISCARDED, self._repository.discarded(limit=BATCH))
        return discarded + self._remove(
            Backlog.PAST_RETENTION, self._repository.past_retention(self._retention, limit=BATCH)
        )

    def _remove(self, backlog: Backlog, tasks: Sequence[Task]) -> int:
        removed = self._repository.remove_many(tasks)
        if stuck := [task for task, gone in zip(tasks, removed, strict=True) if not gone]:
            self._repository.set_aside(backlog, stuck)
        return sum(removed)
