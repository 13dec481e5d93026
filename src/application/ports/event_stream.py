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
    """As it stood then."""
    omitted: Sequence[str] = ()
    """Members that the stream does not carry, since they are long."""


class StreamEnded(Exception):
    """Nothing more will come: the process ends, or the follower was too slow."""


class StreamGap(Exception):
    """Events were lost to those who follow: read again how things stand."""


class Subscription(ABC):
    """Receives every event behind its position. A context manager; receives nothing afterwards."""

    position: str

    @abstractmethod
    def next(self, seconds: float) -> TaskEvent | None:
        """The next event; None when there is none for so long. Raises StreamEnded, StreamGap."""

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
        """The first events behind `after`, none behind `until`."""

    @abstractmethod
    def snapshot(self, task_id: str) -> tuple[Task | None, str]:
        """The task and the position at which it stood so."""

    @abstractmethod
    def close(self) -> None:
        """End every subscription, now and later: the process ends."""
