"""Read a page of tasks."""

from application.ports.task_repository import TaskPage, TaskRepository, Window
from application.task_filter import TaskFilter


class ListTasks:
    def __init__(self, repository: TaskRepository) -> None:
        self._repository = repository

    def execute(self, wanted: TaskFilter, window: Window) -> TaskPage:
        """A page behind the last one is empty."""
        return self._repository.find(wanted, window)
