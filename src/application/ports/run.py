"""The ports that one run needs: a lease that is renewed, a context for its handler, an interrupt
and a log.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from domain.task import Task
from domain.task_state import Progress

MAX_LOG_LINES = 1_000
"""Lines that a task's log holds. Older lines are dropped."""
MAX_LOG_BYTES = 1024 * 1024
"""Size limit of a task's log as stored. Older lines are dropped."""


class LeaseKeeper(ABC):
    """Renews the lease of the current run, and ends the process before a lease runs out.

    Another process may start the task once the lease has run out, so this process must be dead by
    then.
    """

    @abstractmethod
    def arm(self) -> None:
        """Start the timer that ends the process unless the lease is renewed.

        Call before each claim.
        """

    @abstractmethod
    def start_renewing(self, run: Task) -> None:
        """Renew the lease of this run until `stop_renewing` or `release`.

        Call when a claim was granted.
        """

    @abstractmethod
    def stop_renewing(self) -> None:
        """Renew no more. Call before the end of the run is saved, which removes the lease.

        The timer runs on: the process ends unless `arm` or `release` follows in time.
        """

    @abstractmethod
    def release(self) -> None:
        """Stop the timer and renew no more. Call when the process holds no run."""


class RunContext(ABC):
    """Lets a handler report its progress, write its log and notice a request to stop.

    Reports never fail the work: they are dropped while the store is unavailable.
    """

    @property
    @abstractmethod
    def cancelled(self) -> bool:
        """True once the run was asked to stop."""

    @abstractmethod
    def progress(self, fraction: float, message: str = "") -> None:
        """Report how far the work is, from 0 to 1. Only the latest report is stored."""

    @abstractmethod
    def log(self, message: str) -> None:
        """Add a line to the task's log.

        Of a long line only the first 2,000 characters are stored.
        """

    @abstractmethod
    def on_stop(self, stop: Callable[[], None]) -> AbstractContextManager[None]:
        """Within the block a request to stop calls `stop` in the main thread and raises no
        RunStopped.
        """


class RunContextFactory(ABC):
    """Makes the context of each run."""

    @abstractmethod
    def open(self, run: Task) -> AbstractContextManager[RunContext]:
        """Return the context of this run.

        Everything reported is stored when the block ends, at the latest.
        """


class RunInterrupt(ABC):
    """Lets a request to stop interrupt the work of this process."""

    @property
    @abstractmethod
    def was_requested(self) -> bool:
        """True if a stop was requested since the last `allowed` block began."""

    @abstractmethod
    def allowed(self) -> AbstractContextManager[None]:
        """Within the block, and nowhere else, a request to stop raises RunStopped, once."""

    @abstractmethod
    def on_stop(self, stop: Callable[[], None]) -> AbstractContextManager[None]:
        """Within the block a request to stop calls `stop` and raises no RunStopped."""


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """One line of a task's log."""

    at: datetime
    attempt: int
    """The attempt that wrote the line."""
    message: str
    number: int
    """Counts the lines of the task from 1, also those that were dropped."""


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """What one run reported since its last report."""

    run: Task
    progress: Progress | None = None
    lines: Sequence[str] = ()


class RunLog(ABC):
    """Stores the progress and the log lines of runs. Every method raises StoreUnavailable."""

    @abstractmethod
    def append(
        self, run: Task, *, progress: Progress | None = None, lines: Sequence[str] = ()
    ) -> bool:
        """Store the progress, and lines with their time and attempt. The task's version stays.

        Returns False and stores nothing when the run is over.
        """

    @abstractmethod
    def append_each(self, reports: Sequence[RunReport]) -> None:
        """Store the reports of many runs in one round trip, each as `append` does.

        A report of damaged data is dropped.
        """

    @abstractmethod
    def lines(self, task_id: str, after: int = 0, *, limit: int | None = None) -> Sequence[LogLine]:
        """Return the stored lines with a number greater than `after`, oldest first.

        Damaged lines are left out. With `limit`, at most so many lines are returned, and none only
        when no more are stored.
        """
