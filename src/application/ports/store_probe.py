"""Whether the store can be used at all."""

from abc import ABC, abstractmethod


class StoreProbe(ABC):
    @abstractmethod
    def check(self) -> None:
        """Raises StoreUnavailable unless the store answers."""
