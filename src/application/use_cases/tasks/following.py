"""The items that a follower of tasks gets, one after the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from application.errors import StoreUnavailable, TaskNotFound
from application.ports.event_stream import StreamEnded, Subscription, TaskEvent
from application.ports.run import LogLine
from domain.events import Event
from domain.task import Task


class Notice(Enum):
    GAP = "gap"
    """Events were lost; snapshots follow."""
    QUIET = "quiet"
    """Nothing was yielded for 15 seconds, or for 1,000 past events."""
    LOOK = "look"
    """It is time to look at the log. No follower gets it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Snapshot:
    """A task as it was when the stream began, and the position after which its events follow."""

    task: Task
    position: str | None
    """None for a caller that has not all tasks: it would tell when events of others happen."""


News = TaskEvent | Snapshot | LogLine | Notice


class Following(Iterator[News]):
    """The items for one follower, until the follower closes it."""

    def __init__(
        self, subscription: Subscription, news: Iterator[News], *, until_final: bool
    ) -> None:
        self._subscription = subscription
        self._news = news
        self._until_final = until_final
        self._ended = False

    def __next__(self) -> News:
        """Raises StopIteration at the end, and when the store is unavailable: the follower may
        resume.
        """
        if self._ended:
            raise StopIteration
        try:
            item = next(self._news)
        except (StreamEnded, StoreUnavailable, TaskNotFound):
            raise StopIteration from None
        self._ended = self._until_final and _is_last(item)
        return item

    def end(self) -> None:
        """End the items, in whatever thread they are read. The follower may not go on."""
        self._subscription.end()

    def close(self) -> None:
        self._subscription.close()


def _is_last(item: News) -> bool:
    if isinstance(item, TaskEvent):
        return item.event is Event.DELETED or item.task.status.is_final
    return isinstance(item, Snapshot) and item.task.status.is_final
