"""What a running task says about itself, kept while its run goes on."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.task import Progress, Task


@dataclass(frozen=True, kw_only=True)
class LogLine:
    at: datetime
    attempt: int
    """Of which run."""
    message: str


class RunReports(ABC):
    """Reports are refused with False, and nothing is kept, when the run is over. All raise StoreUnavailable."""

    @abstractmethod
    def progress(self, run: Task, progress: Progress) -> bool:
        """Keep how far the run is; the version of the task stays."""

    @abstractmethod
    def log(self, run: Task, message: str) -> bool:
        """Keep a line of the log with its time and attempt; the oldest beyond 1,000 are dropped."""

    @abstractmethod
    def lines(self, task_id: str) -> Sequence[LogLine]:
        """The lines that are kept, oldest first."""
