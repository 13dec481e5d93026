"""Checks of the store: whether it responds, is safe, and has room."""

from abc import ABC, abstractmethod
from collections.abc import Sequence


class StoreProbe(ABC):
    @abstractmethod
    def check(self) -> None:
        """Raises StoreUnavailable unless the store replies."""

    @abstractmethod
    def warnings(self) -> Sequence[str]:
        """Return sentences on how the store may lose tasks; none when it is safe.

        Raises StoreUnavailable.
        """

    @abstractmethod
    def guard_capacity(self) -> bool:
        """Close the store for new tasks at 85 % of its memory, or while its disk is nearly full if that can be seen.

        Full memory also costs old events. Returns whether it is closed.
        Raises StoreUnavailable.
        """
