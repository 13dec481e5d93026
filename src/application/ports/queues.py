"""The queues as those who run the service see them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class QueueState:
    name: str
    depth: int
    """Tasks that wait to be started."""
    processing: int
    scheduled: int
    oldest_waiting_since: datetime | None
    """When the task that waits the longest was submitted, or was due."""
    paused: bool


class Queues(ABC):
    """Every method raises StoreUnavailable."""

    @abstractmethod
    def names(self) -> Sequence[str]:
        """Return the names that a task names or that are paused, sorted.

        A name that no task names any more stays until maintenance forgets it.
        """

    @abstractmethod
    def waiting(self) -> Sequence[str]:
        """Return every queue in which a task waits, and perhaps some in which none waits any more."""

    @abstractmethod
    def states(self, names: Sequence[str]) -> Sequence[QueueState]:
        """How each of them stands, in the order of the names."""

    @abstractmethod
    def pause(self, name: str) -> None:
        """Start no task of this queue until it is resumed; those that run go on."""

    @abstractmethod
    def resume(self, name: str) -> None:
        """Start its tasks again."""

    @abstractmethod
    def forget(self, name: str) -> bool:
        """Forget a name that no task has, and its pause. Returns False when a task has it: then nothing changes."""
