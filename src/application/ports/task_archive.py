"""Everything that is stored about tasks, to be written into a file and restored elsewhere."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from domain.task import Task

Stored = Mapping[str, Any]
"""A JSON object in the form of the store, which only the store reads."""


@dataclass(frozen=True, kw_only=True)
class ArchivedTask:
    """A task with its log, its attempts, its callbacks and their deliveries, all of one moment."""

    task: Task
    stored: Stored


@dataclass(frozen=True)
class UnreadableTask:
    """A stored task that cannot be read."""

    task_id: str
    reason: str


class Restored(StrEnum):
    """What became of a task that was to be restored."""

    ADDED = "added"
    EXISTS = "exists"
    """The store has a task of this id, which stays as it is."""
    FULL = "full"
    """The store accepts no new tasks at the moment."""
    TOO_MANY_QUEUES = "too_many_queues"
    DAMAGED = "damaged"
    """What the archive holds of the task cannot be stored."""


class TaskArchive(ABC):
    """Every method raises StoreUnavailable."""

    @abstractmethod
    def read(self, task_ids: Sequence[str]) -> Iterator[ArchivedTask | UnreadableTask]:
        """Yield the tasks that exist, in the same order, a few of them in memory at a time."""

    @abstractmethod
    def decode(self, task_id: str, stored: Stored) -> ArchivedTask:
        """Return the task that `read` returned in another process.

        Raises UnknownLayout when a newer release wrote it, and ValueError when it is damaged.
        """

    @abstractmethod
    def restore(self, archived: Sequence[tuple[ArchivedTask, Task]]) -> Sequence[Restored]:
        """Add tasks that do not exist, each in one atomic step, in one round trip.

        Each comes with the task as which it is to be stored: the archived one, or one that followed
        from it. It keeps its id, its times, its version, its log and all else; it takes a new place
        in its queue. No statistics count it. A running task cannot be restored as such.
        """

    @abstractmethod
    def requests(self) -> Iterator[Stored]:
        """Yield the idempotency records, some perhaps twice."""

    @abstractmethod
    def restore_request(self, stored: Stored) -> bool:
        """Add an idempotency record. Returns False when the store has one of the same key.

        Raises ValueError when it is damaged.
        """
