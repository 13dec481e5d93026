"""The time, as a port, so that tests decide it."""

from abc import ABC, abstractmethod
from datetime import datetime


class Clock(ABC):
    @abstractmethod
    def now(self) -> datetime:
        """Return the current time in UTC."""

    @abstractmethod
    def monotonic(self) -> float:
        """Return seconds that no change of a clock affects. Only differences are meaningful."""

    @abstractmethod
    def sleep(self, seconds: float) -> None:
        """Wait for this many seconds."""
