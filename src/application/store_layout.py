"""The layout of stored data, as a number, and which releases can read it.

A release reads every layout up to its own. A change that older releases would misread takes two
releases: the first one reads the new layout, the second one writes it. So both sides of a rolling
upgrade read what the other one writes.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Layout:
    number: int
    """The layout in which records are written, from 1. Stores of the first releases name none."""
    readers: int
    """The oldest layout that a release must know to read these records."""


PRESENT_LAYOUT = Layout(number=1, readers=1)
"""The layout of this release. docs/decisions/0052 says what follows from a change of it."""


class UnknownLayout(ValueError):
    """Stored data has a layout that is newer than any that this release can read."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"the layout is {number}, and this release reads layouts up to {PRESENT_LAYOUT.number}"
        )
        self.number = number


class StoreTooNew(Exception):
    """A newer release has written into the store what this release cannot read."""

    def __init__(self, stored: Layout) -> None:
        super().__init__(
            f"A newer release has written into this store in layout {stored.number}, which needs a "
            f"release that reads layout {stored.readers}. This release reads layouts up to "
            f"{PRESENT_LAYOUT.number}. Start the newer release again, or use another store."
        )
        self.stored = stored


def is_readable(stored: Layout | None, ours: Layout = PRESENT_LAYOUT) -> bool:
    """Return whether this release can read the store. None: the store names no layout yet."""
    return stored is None or stored.readers <= ours.number
