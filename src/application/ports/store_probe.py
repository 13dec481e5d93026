"""Whether the store can be used, and trusted."""

from abc import ABC, abstractmethod
from collections.abc import Sequence


class StoreProbe(ABC):
    @abstractmethod
    def check(self) -> None:
        """Raises StoreUnavailable unless the store answers."""

    @abstractmethod
    def hazards(self) -> Sequence[str]:
        """Sentences on how this store may lose what it accepted; none for a safe one. Raises StoreUnavailable."""

    @abstractmethod
    def guard_capacity(self) -> bool:
        """Measure the store's memory, and close it for new tasks at 85 % of its limit; answers whether it is closed.

        Raises StoreUnavailable.
        """
