"""Pages of tasks as the JSON that callers get, for a process that only passes them on."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from application.ports.task_repository import Page, PageRequest
from application.task_filter import TaskFilter


@dataclass(frozen=True, kw_only=True)
class TextPage(Page):
    """A part of the matching tasks, in the order of submission or the reverse."""

    texts: Sequence[bytes]
    """Each task as the JSON of serialize_task, with its position while it is QUEUED if wanted."""


class TaskPages(ABC):
    @abstractmethod
    def texts(
        self, wanted: TaskFilter, page_request: PageRequest, *, with_positions: bool = True
    ) -> TextPage:
        """Return the tasks that TaskRepository.find returns. Raises StoreUnavailable."""
