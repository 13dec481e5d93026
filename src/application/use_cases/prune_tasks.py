"""Remove final tasks whose retention is over."""

from datetime import timedelta

from application.errors import StaleTask
from application.ports.task_repository import TaskRepository
from domain.task import Task

BATCH = 500


class PruneTasks:
    def __init__(self, repository: TaskRepository, retention: timedelta) -> None:
        self._repository = repository
        self._retention = retention

    def execute(self) -> int:
        """Removes one batch at most, so that other duties come in between. Answers how many were removed."""
        return sum(map(self._remove, self._repository.outlived(self._retention, limit=BATCH)))

    def _remove(self, task: Task) -> bool:
        try:
            self._repository.remove(task)
        except StaleTask:
            return False
        return True
