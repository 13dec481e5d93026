"""Look whether the store keeps what it accepts."""

from collections.abc import Sequence

from application.ports.store_probe import StoreProbe


class CheckStore:
    def __init__(self, probe: StoreProbe) -> None:
        self._probe = probe

    def execute(self) -> Sequence[str]:
        """Sentences on what is unsafe. Raises StoreUnavailable."""
        return self._probe.warnings()
