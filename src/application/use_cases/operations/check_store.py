"""Check whether the store keeps what it accepts."""

from collections.abc import Sequence

from application.ports.store_probe import StoreProbe
from application.store_rules import store_warnings


class CheckStore:
    def __init__(self, probe: StoreProbe) -> None:
        self._probe = probe

    def execute(self) -> Sequence[str]:
        """Return one sentence for each unsafe setting. Raises StoreUnavailable."""
        return store_warnings(self._probe.settings())
