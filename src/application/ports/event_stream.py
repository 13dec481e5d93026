"""What happened to tasks, as a stream that can be followed."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from domain.events import Event
from domain.task import Task


@dataclass(frozen=True, eq=False, kw_only=True)
class TaskEvent:
    """One event. Two are never equal, so that each is rendered once, however many follow."""

    position: str
    """Its place in the stream: later events have greater ones."""
    event: Event
    task: Task
    """As it stood then, without a payload or result of more than 4 KiB, which `task.omitted` names."""


class StreamEnded(Exception):
    """Nothing more will come: the process ends."""


class FollowerTooSlow(StreamEnded):
    """Too much waited for this follower and was dropped. It may resume at the last event that it received."""


class StreamGap(Exception):
    """Events up to `position` were lost to those who follow, or cannot be read: read again how things stand."""

    def __init__(self, position: str) -> None:
        super().__init__(position)
        self.position = position


class Subscription(ABC):
    """Receives every event behind its position. A context manager; receives nothing afterwards."""

    position: str

    @abstractmethod
    def next(self, seconds: float) -> TaskEvent | None:
        """The next event; None when there is none for so long. Raises StreamEnded, FollowerTooSlow, StreamGap."""

    @abstractmethod
    def close(self) -> None:
        """Receive nothing more."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class EventStream(ABC):
    """The last events of all tasks. Every method but `close` raises StoreUnavailable."""

    @abstractmethod
    def subscribe(self, task_id: str | None = None) -> Subscription:
        """From now on, the events of one task or of all. Raises StreamEnded once the stream is closed."""

    @abstractmethod
    def keeps(self, position: str) -> bool:
        """True when no event behind this position has been dropped. Raises ValueError for what is no position."""

    @abstractmethod
    def between(self, after: str, until: str, task_id: str | None, *, limit: int) -> Sequence[TaskEvent]:
        """Return the first events behind `after`, none behind `until`.

        Raises StreamGap with the position `until` when one of them was dropped or cannot be read, such as one of an
        older version.
        """

    @abstractmethod
    def snapshot(self, task_id: str) -> tuple[Task | None, str]:
        """Return the task and the position at which it stood so.

        The task is read without a payload or result of more than 4 KiB, which `task.omitted` names.
        """

    @abstractmethod
    def close(self) -> None:
        """End every subscription, now and later: the process ends."""
