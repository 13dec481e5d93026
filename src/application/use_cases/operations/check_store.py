"""Check whether the settings of the store are safe."""

from collections.abc import Sequence

from application.ports.store_probe import StoreProbe


class CheckStore:
    def __init__(self, probe: StoreProbe) -> None:
        self._probe = probe

    def execute(self) -> Sequence[str]:
        """Return a sentence on each unsafe setting. Raises StoreUnavailable."""
        return self._probe.warnings()
