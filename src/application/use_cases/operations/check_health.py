"""Check whether a part of the service can do its work."""

from application.errors import StoreUnsafe
from application.ports.heartbeats import Heartbeats
from application.ports.store_probe import StoreProbe
from application.store_rules import store_warnings


class CheckHealth:
    def __init__(
        self, probe: StoreProbe, heartbeats: Heartbeats, *, host: str, must_be_safe: bool
    ) -> None:
        """`must_be_safe`: a store that may lose tasks counts as unavailable."""
        self._probe = probe
        self._heartbeats = heartbeats
        self._host = host
        self._must_be_safe = must_be_safe

    def execute(self, role: str) -> bool:
        """Return whether the role works on this host.

        The role `api` needs the store. `worker` and `maintenance` need a recent heartbeat of this
        host. Raises StoreUnavailable, StoreUnsafe.
        """
        self._probe.check()
        if role != "api":
            return any(beat.process.host == self._host for beat in self._heartbeats.alive(role))
        if self._must_be_safe and (warnings := store_warnings(self._probe.settings())):
            raise StoreUnsafe(" ".join(warnings))
        return True
