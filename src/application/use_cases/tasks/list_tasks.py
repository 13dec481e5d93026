"""List tasks, page by page."""

from collections.abc import Iterator, Mapping

from application.errors import StoreUnavailable
from application.ports.task_pages import TaskPages, TextPage
from application.ports.task_repository import PageRequest, TaskPage, TaskRepository
from application.skipped_items import SkippedItems
from application.task_filter import TaskFilter
from domain.task import Task


class ListTasks:
    def __init__(self, repository: TaskRepository, pages: TaskPages) -> None:
        self._repository = repository
        self._pages = pages
        self._skipped_items = SkippedItems()

    def execute(
        self, wanted: TaskFilter, page_request: PageRequest
    ) -> tuple[TaskPage, Mapping[str, int]]:
        """Return a page of tasks without long members, and the positions of the QUEUED ones by id.

        A page after the last one is empty.
        """
        page = self._repository.find(wanted, page_request)
        return page, self._repository.positions(page.tasks)

    def texts(self, wanted: TaskFilter, page_request: PageRequest) -> TextPage:
        """Return the same page as JSON, which costs a fraction of making tasks of it."""
        return self._pages.texts(wanted, page_request)

    def read_whole(self, page: TaskPage) -> Iterator[Task]:
        """Yield the tasks of the page with their long members. Each is read when its turn comes.

        A task that was deleted meanwhile is left out. A task with damaged long members comes
        without them, since the response has begun. Raises StoreUnavailable.
        """
        for task in page.tasks:
            whole = self._whole(task) if task.omitted else task
            if whole is not None:
                yield whole

    def _whole(self, task: Task) -> Task | None:
        try:
            return self._repository.get(task.task_id)
        except StoreUnavailable:
            raise
        except Exception as error:
            self._skipped_items.log_once("read_whole", task.task_id, error)
            return task
