"""What the work of a task may say and ask while it runs."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager


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
