"""The events of tasks, as a stream that can be followed and resumed."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from domain.actor import Actor
from domain.events import Event
from domain.schedule import Skip
from domain.task import Task


@dataclass(frozen=True, eq=False, kw_only=True)
class TaskEvent:
    """One event. Compares by identity, so that each is rendered once for all of its followers."""

    position: str
    """The position of the event in the stream. Later events have greater positions."""
    event: Event
    task: Task
    """The task after the event, without a payload or result of more than 4 KiB (see
    `task.omitted`). For skipped slots, the task that the last of them would have made."""
    actor: Actor | None = None
    """Who made the change; None for an event of an older version of the service."""
    skip: Skip | None = None
    """The slots that were skipped; None for an event of a task."""


class StreamEnded(Exception):
    """No more events follow, since the process ends."""


class FollowerTooSlow(StreamEnded):
    """The follower's buffer was full, so events were dropped.

    It may resume at the last event that it received.
    """


class StreamGap(Exception):
    """Events up to `position` were dropped or cannot be read. Read the tasks again."""

    def __init__(self, position: str) -> None:
        super().__init__(position)
        self.position = position


class Subscription(ABC):
    """Receives every event after its position, until it is closed. A context manager."""

    position: str

    @abstractmethod
    def next(self, seconds: float) -> TaskEvent | None:
        """Return the next event; None when none comes within these seconds.

        Raises StreamEnded, FollowerTooSlow, StreamGap.
        """

    @abstractmethod
    def end(self) -> None:
        """Make `next` raise StreamEnded, in whatever thread it waits."""

    @abstractmethod
    def close(self) -> None:
        """Stop receiving events."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class EventStream(ABC):
    """The latest events of all tasks. Every method except `close` raises StoreUnavailable."""

    @abstractmethod
    def subscribe(self, task_id: str | None = None) -> Subscription:
        """Subscribe to the future events of one task or of all.

        Raises StreamEnded once the stream is closed.
        """

    @abstractmethod
    def can_resume_after(self, position: str) -> bool:
        """Return whether all events after this position are still stored.

        Raises ValueError when the text is no position.
        """

    @abstractmethod
    def between(
        self, after: str, until: str, task_id: str | None, *, limit: int
    ) -> Iterator[TaskEvent]:
        """Yield the first events after `after`, up to and including `until`; none if there is none.

        There may be fewer than `limit` although more follow, if they are large. Each is decoded
        when its turn comes, so a slow follower holds one of them. Raises StreamGap
        with the position `until` when one was dropped or cannot be read, as can be the case for an
        event of an older version; those before it may have been yielded.
        """

    @abstractmethod
    def snapshot(self, task_id: str) -> tuple[Task | None, str]:
        """Return the task and the position in the stream at which it had this state.

        The task lacks a payload or result of more than 4 KiB (see `task.omitted`).
        """

    @abstractmethod
    def lag(self, position: str) -> float:
        """Return the age in seconds of the first event after this position; 0 if there is none.

        Raises ValueError when the text is no position.
        """

    @abstractmethod
    def close(self) -> None:
        """End every present and future subscription, because the process ends."""
