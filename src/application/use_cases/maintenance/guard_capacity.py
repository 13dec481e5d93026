"""Refuse new tasks before the store is full."""

from application.ports.store_probe import StoreProbe


class GuardCapacity:
    """A full store could not store results either, so new tasks are refused while results still fit."""

    def __init__(self, probe: StoreProbe) -> None:
        self._probe = probe

    def execute(self) -> bool:
        """Return whether new tasks are refused now. Raises StoreUnavailable."""
        return self._probe.guard_capacity()
