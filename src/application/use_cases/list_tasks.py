"""Read a page of all tasks, oldest first."""

from dataclasses import dataclass

from application.ports.task_repository import TaskPage, TaskRepository


@dataclass(frozen=True, kw_only=True)
class PageRequest:
    page: int = 1
    """From 1."""
    page_size: int = 10

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.page_size


class ListTasks:
    def __init__(self, repository: TaskRepository) -> None:
        self._repository = repository

    def execute(self, request: PageRequest) -> TaskPage:
        """A page behind the last one is empty."""
        return self._repository.page(offset=request.offset, limit=request.page_size)
