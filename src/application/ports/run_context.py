"""What the work of a task may say while it runs."""

from abc import ABC, abstractmethod


class RunContext(ABC):
    """Saying something never fails the work: what the store cannot take now is dropped."""

    @abstractmethod
    def progress(self, fraction: float, message: str = "") -> None:
        """How far the work is, from 0 to 1."""

    @abstractmethod
    def log(self, message: str) -> None:
        """A line for the log of the task, which keeps the last 1,000."""
