"""Keep the store from running full."""

from application.ports.store_probe import StoreProbe


class GuardCapacity:
    """A full store would refuse to keep results, too: new tasks are refused while there is still room for those."""

    def __init__(self, probe: StoreProbe) -> None:
        self._probe = probe

    def execute(self) -> bool:
        """Answers whether new tasks are refused now. Raises StoreUnavailable."""
        return self._probe.guard_capacity()
