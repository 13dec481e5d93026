"""Whether this part of the service can do its work."""

from application.ports.heartbeats import Heartbeats
from application.ports.store_probe import StoreProbe


class CheckHealth:
    def __init__(self, probe: StoreProbe, heartbeats: Heartbeats) -> None:
        self._probe = probe
        self._heartbeats = heartbeats

    def execute(self, role: str) -> bool:
        """`api` needs the store; `worker` and `maintenance` must have been heard of. Raises StoreUnavailable."""
        self._probe.check()
        return role == "api" or self._heartbeats.seen(role)
