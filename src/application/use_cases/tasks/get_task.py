"""Read one task."""

from application.errors import TaskNotFound
from application.ports.task_repository import TaskRepository
from domain.task import Task


class GetTask:
    def __init__(self, repository: TaskRepository) -> None:
        self._repository = repository

    def execute(self, task_id: str) -> Task:
        """Raises TaskNotFound."""
        return self._repository.get_or_raise(task_id)

    def with_position(self, task_id: str) -> tuple[Task, int | None]:
        """Return the task and, while it is QUEUED, its position. Raises TaskNotFound."""
        found = self._repository.get_with_position(task_id)
        if found is None:
            raise TaskNotFound(task_id)
        return found
