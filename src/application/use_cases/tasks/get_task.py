"""Read one task."""

from application.ports.task_repository import TaskRepository
from domain.task import Task


class GetTask:
    def __init__(self, repository: TaskRepository) -> None:
        self._repository = repository

    def execute(self, task_id: str) -> Task:
        """Raises TaskNotFound."""
        return self._repository.get_or_raise(task_id)
