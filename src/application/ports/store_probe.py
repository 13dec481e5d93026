"""Whether the store can be used, and trusted."""

from abc import ABC, abstractmethod
from collections.abc import Sequence


class StoreProbe(ABC):
    @abstractmethod
    def check(self) -> None:
        """Raises StoreUnavailable unless the store answers."""

    @abstractmethod
    def warnings(self) -> Sequence[str]:
        """Sentences on how this store may lose what it accepted; none for a safe one. Raises StoreUnavailable."""

    @abstractmethod
    def guard_capacity(self) -> bool:
        """Close the store for new tasks at 85 % of its memory, or while its disk is nearly full if that can be seen.

        Full memory also costs old events. Returns whether it is closed.
        Raises StoreUnavailable.
        """
