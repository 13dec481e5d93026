"""Queue the scheduled tasks whose time has come."""

from application.ports.task_repository import Change, TaskRepository

BATCH = 500


class PromoteTasks:
    def __init__(self, repository: TaskRepository) -> None:
        self._repository = repository

    def execute(self) -> int:
        """Goes on until none is due. Answers how many were queued."""
        promoted = 0
        while due := self._repository.due(limit=BATCH):
            saved = self._repository.save_each([Change(before=task, after=task.promote()) for task in due])
            mine = sum(task is not None for task in saved)
            promoted += mine
            if not mine:
                break
        return promoted
