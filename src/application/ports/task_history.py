"""What is stored of the history of a task."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from domain.actor import Actor
from domain.history import HistoryEntry

MAX_ENTRIES = 200
"""Changes that are stored of a task. Older ones are dropped."""


@dataclass(frozen=True, kw_only=True)
class StoredHistory:
    """The changes of a task, and what its record tells of the others."""

    submitted_by: Actor | None = None
    """None for a task that an older version of the service stored."""
    completed_by: Actor | None = None
    """The worker, if the task succeeded in its first attempt."""
    changes: Sequence[HistoryEntry] = ()
    """The last MAX_ENTRIES, oldest first, without damaged ones."""


class TaskHistory(ABC):
    """The repository adds each change in the step that stores it, with the present actor.

    Three kinds of change have no entry of their own, since the task tells of them: its submission,
    the start of a run, and the end of a task that succeeds in its first attempt.
    """

    @abstractmethod
    def stored(self, task_id: str) -> StoredHistory:
        """Return what is stored; nothing for a task that does not exist.

        Raises StoreUnavailable.
        """
