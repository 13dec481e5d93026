"""Pages of the tasks that the present caller has."""

from application.ports.callers import Callers
from application.ports.task_pages import TaskPages, TextPage
from application.ports.task_repository import PageRequest
from application.task_filter import TaskFilter


class ScopedTaskPages(TaskPages):
    def __init__(self, pages: TaskPages, callers: Callers) -> None:
        self._pages = pages
        self._callers = callers

    def texts(
        self, wanted: TaskFilter, page_request: PageRequest, *, with_positions: bool = True
    ) -> TextPage:
        caller = self._callers.current()
        return self._pages.texts(
            caller.narrow(wanted),
            page_request,
            with_positions=with_positions and caller.sees_positions,
        )
