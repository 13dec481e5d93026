"""What a running task says about itself, kept while its run goes on."""

from abc import ABC, abstractmethod

from domain.task import Progress, Task


class RunReports(ABC):
    """Both answer False, and keep nothing, when the run is over. Both raise StoreUnavailable."""

    @abstractmethod
    def progress(self, run: Task, progress: Progress) -> bool:
        """Keep how far the run is; the version of the task stays."""

    @abstractmethod
    def log(self, run: Task, message: str) -> bool:
        """Keep a line of the log with its time and attempt; the oldest beyond 1,000 are dropped."""
