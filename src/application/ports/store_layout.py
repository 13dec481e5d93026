"""The layout that the store names."""

from abc import ABC, abstractmethod

from application.store_layout import Layout


class StoreLayout(ABC):
    """Every method raises StoreUnavailable."""

    @abstractmethod
    def stored(self) -> Layout | None:
        """Return the layout that the store names; None when it names none."""

    @abstractmethod
    def raise_to(self, layout: Layout) -> None:
        """Name this layout, unless the store names a newer one. Each number is never lowered."""
