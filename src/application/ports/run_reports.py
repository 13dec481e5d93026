"""What a running task says about itself, kept while its run goes on."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.task import Progress, Task

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


class RunReports(ABC):
    """Both raise StoreUnavailable."""

    @abstractmethod
    def keep(self, run: Task, *, progress: Progress | None = None, lines: Sequence[str] = ()) -> bool:
        """Keep how far the run is, the version of the task stays, and lines of its log with their time and attempt.

        False, and nothing is kept, when the run is over.
        """

    @abstractmethod
    def lines(self, task_id: str) -> Sequence[LogLine]:
        """The lines that are kept, oldest first."""
