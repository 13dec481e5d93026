"""Queue the scheduled tasks whose time has come."""

from application.ports.task_repository import Change, TaskRepository
from application.sweep import Sweep


class PromoteTasks:
    def __init__(self, repository: TaskRepository) -> None:
        self._repository = repository
        self._sweep = Sweep(repository)

    def execute(self) -> int:
        """Goes on until none is due. Answers how many were queued."""
        promoted = self._sweep.run(
            lambda limit: self._repository.due(limit=limit),
            lambda due: [Change(before=task, after=task.promote()) for task in due],
        )
        return len(promoted)
