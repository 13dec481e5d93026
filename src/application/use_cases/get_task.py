"""Read one task."""

from application.errors import TaskNotFound
from application.ports.task_repository import TaskRepository
from domain.task import Task


class GetTask:
    def __init__(self, repository: TaskRepository) -> None:
        self._repository = repository

    def execute(self, task_id: str) -> Task:
        """Raises TaskNotFound."""
        task = self._repository.get(task_id)
        if task is None:
            raise TaskNotFound(task_id)
        return task
