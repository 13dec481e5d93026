"""Remove final tasks whose retention is over, and those that were deleted while they ran."""

from datetime import timedelta

from application.ports.task_repository import TaskRepository

BATCH = 500


class PruneTasks:
    def __init__(self, repository: TaskRepository, retention: timedelta) -> None:
        self._repository = repository
        self._retention = retention

    def execute(self) -> int:
        """Removes one batch of each at most, so that other duties come in between. Answers how many were removed."""
        unwanted = self._repository.discarded(limit=BATCH)
        outlived = self._repository.outlived(self._retention, limit=BATCH)
        return sum(self._repository.remove_each([*unwanted, *outlived]))
