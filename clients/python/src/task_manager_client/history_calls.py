"""Calls about the history of a task, for both clients."""

from collections.abc import AsyncIterator, Iterator
from typing import TypeVar

from task_manager_client import history_models
from task_manager_client.calls import Call, path, reads

T = TypeVar("T")


def get_history(
    task_id: str, *, page_size: int | None = None, cursor: str | None = None
) -> Call[history_models.History]:
    """Return a page of the history of a task."""
    given = {"page_size": page_size, "cursor": cursor}
    query = tuple((name, str(value)) for name, value in given.items() if value is not None)
    return Call(
        "GET", path("tasks", task_id, "history"), reads(history_models.History), query=query
    )


class HistoryCalls:
    """The methods of `Client` about the history of a task."""

    def send(self, call: Call[T]) -> T:
        """Send a call."""
        raise NotImplementedError

    def history(self, task_id: str) -> Iterator[history_models.HistoryEntry]:
        """Yield the changes of the task, oldest first: what changed, when and by whom."""
        cursor = None
        while True:
            page = self.history_page(task_id, cursor=cursor)
            yield from page.entries
            cursor = page.next_cursor
            if cursor is None:
                return

    def history_page(
        self, task_id: str, *, page_size: int | None = None, cursor: str | None = None
    ) -> history_models.History:
        """Return one page of the history of the task."""
        return self.send(get_history(task_id, page_size=page_size, cursor=cursor))


class AsyncHistoryCalls:
    """The methods of `AsyncClient` about the history of a task."""

    async def send(self, call: Call[T]) -> T:
        """Send a call."""
        raise NotImplementedError

    async def history(self, task_id: str) -> AsyncIterator[history_models.HistoryEntry]:
        """Yield the changes of the task, oldest first: what changed, when and by whom."""
        cursor = None
        while True:
            page = await self.history_page(task_id, cursor=cursor)
            for entry in page.entries:
                yield entry
            cursor = page.next_cursor
            if cursor is None:
                return

    async def history_page(
        self, task_id: str, *, page_size: int | None = None, cursor: str | None = None
    ) -> history_models.History:
        """Return one page of the history of the task."""
        return await self.send(get_history(task_id, page_size=page_size, cursor=cursor))
