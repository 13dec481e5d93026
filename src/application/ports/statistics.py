"""Counts and durations of tasks."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.status import Status


@dataclass(frozen=True, kw_only=True)
class Minute:
    """Number of events in one minute."""

    begins_at: datetime
    submitted: int
    completed: int
    failed: int


@dataclass(frozen=True, kw_only=True)
class Durations:
    """Durations of the tasks that finished last, in seconds."""

    wait: Sequence[float]
    """From the submission, or the run_at, to the start of the last run."""
    run: Sequence[float]
    """From the start of the last run to its end."""


class Occurrence(StrEnum):
    """Occurrences that are counted from the first start of the service on."""

    RUN_STARTED = "run_started"
    RUN_LOST = "run_lost"
    """A run crashed: its process died, or its lease expired."""
    LEASE_LOST = "lease_lost"
    """Maintenance ended a run because its lease had expired. The run is lost as well."""
    CALLBACK_DELIVERED = "callback_delivered"
    CALLBACK_RETRIED = "callback_retried"
    """A delivery attempt failed, and another one follows."""
    CALLBACK_GIVEN_UP = "callback_given_up"
    """A delivery attempt failed, and no other one follows."""


class Statistics(ABC):
    """Every method raises StoreUnavailable."""

    @abstractmethod
    def by_status(self) -> Mapping[Status, int]:
        """Return the number of tasks in each state."""

    @abstractmethod
    def by_type(self) -> Mapping[str, int]:
        """Return the number of tasks of each type that has any."""

    @abstractmethod
    def by_queue(self) -> Mapping[str, int]:
        """Return the number of tasks that name each queue, without queues that no task names."""

    @abstractmethod
    def last_hour(self) -> Sequence[Minute]:
        """Return the current minute and the 59 before it, oldest first."""

    @abstractmethod
    def durations(self, *, tasks: int) -> Durations:
        """Return the durations of the `tasks` that finished last after a run."""

    @abstractmethod
    def occurrences(self) -> Mapping[Occurrence, int]:
        """Return how often each has happened since the service was first started."""
