"""The state of the queues, and pausing them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class QueueState:
    name: str
    depth: int
    """Number of QUEUED tasks."""
    io_depth: int = 0
    """Number of the QUEUED tasks that wait for an I/O pool; the others wait for a process."""
    processing: int
    io_processing: int = 0
    """Number of the running tasks that are in an I/O pool."""
    scheduled: int
    oldest_waiting_since: datetime | None
    """Time at which the oldest QUEUED task was submitted, or became due."""
    paused: bool


class Queues(ABC):
    """Every method raises StoreUnavailable."""

    @abstractmethod
    def names(self) -> Sequence[str]:
        """Return the queues that a task names or that are paused, sorted.

        A queue that no task names any more remains until maintenance forgets it.
        """

    @abstractmethod
    def waiting(self) -> Sequence[str]:
        """Return every queue with a QUEUED task, and perhaps some that have none any more."""

    @abstractmethod
    def states(self, names: Sequence[str]) -> Sequence[QueueState]:
        """Return the state of each queue, in the order of the names."""

    @abstractmethod
    def pause(self, name: str) -> None:
        """Start no task of this queue until it is resumed. Running tasks go on."""

    @abstractmethod
    def resume(self, name: str) -> None:
        """Start tasks of the queue again."""

    @abstractmethod
    def forget(self, name: str) -> bool:
        """Forget a queue, and its pause. Returns False and changes nothing when a task names it."""
