"""How workers learn that there is work."""

from abc import ABC, abstractmethod


class TaskQueue(ABC):
    @abstractmethod
    def replenish(self) -> int:
        """Put missing tokens: a token says that a queue has work, never which. Answers how many were put.

        Losing or doubling a token does no harm. Raises StoreUnavailable.
        """
