"""Numbers about all tasks."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.status import Status


@dataclass(frozen=True, kw_only=True)
class Minute:
    """What happened in one minute."""

    begins_at: datetime
    submitted: int
    completed: int
    failed: int


@dataclass(frozen=True, kw_only=True)
class Durations:
    """Of tasks that finished last, in seconds."""

    wait: Sequence[float]
    """From the submission, or the time when it was due, to the start of the last run."""
    run: Sequence[float]
    """From the start of the last run to its end."""


class Statistics(ABC):
    """Every method raises StoreUnavailable."""

    @abstractmethod
    def by_status(self) -> Mapping[Status, int]:
        """How many tasks are in each state."""

    @abstractmethod
    def by_type(self) -> Mapping[str, int]:
        """How many tasks there are of each type that has any."""

    @abstractmethod
    def by_queue(self) -> Mapping[str, int]:
        """How many tasks named each queue that has any."""

    @abstractmethod
    def last_hour(self) -> Sequence[Minute]:
        """The present minute and the 59 before it, oldest first."""

    @abstractmethod
    def durations(self, *, tasks: int) -> Durations:
        """Of so many tasks at most."""
