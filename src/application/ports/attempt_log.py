"""The runs of a task that ended."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.attempt import Attempt

MAX_ENTRIES = 100
"""Entries that are stored of a task. Older ones are dropped."""


@dataclass(frozen=True)
class Requeued:
    """A caller queued the final task again. The next attempt has the number 1."""

    at: datetime


class AttemptLog(ABC):
    """The repository adds an entry in the same step that ends a run.

    It adds none for a task that succeeds in its first attempt, since the task tells the same.
    """

    @abstractmethod
    def entries(self, task_id: str) -> Sequence[Attempt | Requeued]:
        """Return the last MAX_ENTRIES entries, oldest first, without damaged ones.

        Their `queued_at` is None. Raises StoreUnavailable.
        """
