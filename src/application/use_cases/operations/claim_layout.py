"""Make sure that a process can read the store, before it works with it."""

from application.ports.store_layout import StoreLayout
from application.store_layout import PRESENT_LAYOUT, Layout, StoreTooNew, is_readable


class ClaimLayout:
    def __init__(self, layout: StoreLayout) -> None:
        self._layout = layout

    def execute(self) -> None:
        """Let the store name the layout of this release, unless it names a newer one.

        Raises StoreTooNew when this release cannot read the store, and StoreUnavailable.
        """
        stored = self.require_readable()
        if stored is None or stored.number < PRESENT_LAYOUT.number:
            self._layout.raise_to(PRESENT_LAYOUT)

    def require_readable(self) -> Layout | None:
        """Return the layout that the store names, and change nothing.

        Raises StoreTooNew when this release cannot read the store, and StoreUnavailable.
        """
        stored = self._layout.stored()
        if stored is not None and not is_readable(stored):
            raise StoreTooNew(stored)
        return stored
