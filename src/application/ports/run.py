"""What one run needs: a lease, a context, a log and an interrupt."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from domain.task import Progress, Task


class LeaseKeeper(ABC):
    """A run that cannot renew its lease must be dead before the lease ends: only then may another start."""

    @abstractmethod
    def arm(self) -> None:
        """Call before each time a claim is sent: from now on the process ends unless the lease is renewed."""

    @abstractmethod
    def keep(self, task: Task) -> None:
        """The claim was granted: renew its lease until `release`."""

    @abstractmethod
    def stop_renewing(self) -> None:
        """The work is done: its end is about to be saved, after which there is no lease to renew.

        The process still ends unless `release` follows in time.
        """

    @abstractmethod
    def release(self) -> None:
        """The run is over, or there was none."""


class RunContext(ABC):
    """Saying something never fails the work: what the store cannot take now is dropped."""

    @property
    @abstractmethod
    def cancelled(self) -> bool:
        """The run was asked to stop."""

    @abstractmethod
    def progress(self, fraction: float, message: str = "") -> None:
        """How far the work is, from 0 to 1. Said often, only the latest is kept."""

    @abstractmethod
    def log(self, message: str) -> None:
        """A line for the log of the task, which keeps the last 1,000; of a long line its first 2,000 characters."""

    @abstractmethod
    def on_stop(self, stop: Callable[[], None]) -> AbstractContextManager[None]:
        """Within the block a request to stop calls `stop`, in the main thread, in place of raising RunStopped."""


class RunContexts(ABC):
    @abstractmethod
    def of(self, run: Task) -> AbstractContextManager[RunContext]:
        """The context of this run; what the work said is kept when the block ends, at the latest."""


class RunInterrupt(ABC):
    @property
    @abstractmethod
    def asked(self) -> bool:
        """The work of the last `allowed` was asked to stop."""

    @abstractmethod
    def allowed(self) -> AbstractContextManager[None]:
        """Within the block, and nowhere else, RunStopped may be raised."""

    @abstractmethod
    def instead(self, stop: Callable[[], None]) -> AbstractContextManager[None]:
        """Within the block `stop` is called in place of raising RunStopped."""


LINES_KEPT = 1_000
"""Of the log of a task; the oldest beyond them are dropped."""
LOG_BYTES = 1024 * 1024
"""Size limit of a task's log as stored; the oldest lines beyond it are dropped."""


@dataclass(frozen=True, kw_only=True)
class LogLine:
    at: datetime
    attempt: int
    """Of which run."""
    message: str


class RunLog(ABC):
    """Both raise StoreUnavailable."""

    @abstractmethod
    def keep(self, run: Task, *, progress: Progress | None = None, lines: Sequence[str] = ()) -> bool:
        """Keep how far the run is, the version of the task stays, and lines of its log with their time and attempt.

        False, and nothing is kept, when the run is over.
        """

    @abstractmethod
    def lines(self, task_id: str) -> Sequence[LogLine]:
        """The lines that are kept, oldest first."""
