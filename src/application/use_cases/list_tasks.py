"""Read a page of tasks."""

from collections.abc import Iterator

from application.ports.task_repository import TaskPage, TaskRepository, Window
from application.task_filter import TaskFilter
from domain.task import Task


class ListTasks:
    def __init__(self, repository: TaskRepository) -> None:
        self._repository = repository

    def execute(self, wanted: TaskFilter, window: Window) -> TaskPage:
        """A page behind the last one is empty. Its tasks are without long members."""
        return self._repository.find(wanted, window)

    def whole(self, page: TaskPage) -> Iterator[Task]:
        """Yield the tasks of the page with their long members, each read only when its turn comes.

        A task that was deleted meanwhile is left out. Raises StoreUnavailable, at any of them.
        """
        for task in page.tasks:
            whole = self._repository.get(task.task_id) if task.omitted else task
            if whole is not None:
                yield whole
