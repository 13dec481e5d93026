"""Time, as a port so that rules about time can be tested."""

from abc import ABC, abstractmethod
from datetime import datetime


class Clock(ABC):
    @abstractmethod
    def now(self) -> datetime:
        """The present instant in UTC."""

    @abstractmethod
    def monotonic(self) -> float:
        """Seconds that no change of any clock moves; only differences mean something."""

    @abstractmethod
    def sleep(self, seconds: float) -> None:
        """Wait before trying again what the store refused."""
