"""List tasks, page by page."""

from collections.abc import Iterator
from itertools import chain, starmap

from application.errors import StoreUnavailable
from application.ports.task_pages import TaskPages, TextPage
from application.ports.task_repository import IdPage, PageRequest, TaskRepository
from application.skipped_items import SkippedItems
from application.task_filter import TaskFilter
from domain.task import Task

BATCH = 10
"""Number of tasks of a page that are read at a time."""


class ListTasks:
    def __init__(self, repository: TaskRepository, pages: TaskPages) -> None:
        self._repository = repository
        self._pages = pages
        self._skipped_items = SkippedItems()

    def texts(self, wanted: TaskFilter, page_request: PageRequest) -> TextPage:
        """Return a page of tasks without long members as JSON, without making tasks of it.

        A page after the last one is empty.
        """
        return self._pages.texts(wanted, page_request)

    def find(self, wanted: TaskFilter, page_request: PageRequest) -> IdPage:
        """Return the ids of the same page. A page after the last one is empty."""
        return self._repository.find_ids(wanted, page_request)

    def read_whole(self, page: IdPage) -> Iterator[tuple[Task, int | None]]:
        """Yield the tasks of the page with their long members, and the positions of QUEUED ones.

        A few are read at a time, and each is decoded when its turn comes: the client may be slow. A
        task that was deleted meanwhile, or is damaged, is left out. A task with damaged long
        members comes without them, since the response has begun. Raises StoreUnavailable.
        """
        batches = (page.ids[at : at + BATCH] for at in range(0, len(page.ids), BATCH))
        short = chain.from_iterable(map(self._repository.each_with_position, batches))
        return filter(None, starmap(self._whole, short))

    def _whole(self, task: Task, position: int | None) -> tuple[Task, int | None] | None:
        if not task.omitted:
            return task, position
        try:
            whole = self._repository.get(task.task_id)
        except StoreUnavailable:
            raise
        except Exception as error:
            self._skipped_items.log_once("read_whole", task.task_id, error)
            return task, position
        return (whole, position) if whole else None
