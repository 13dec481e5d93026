"""Find queues without a worker, to warn callers whose tasks will wait there."""

from collections.abc import Iterable, Sequence

from application.errors import StoreUnavailable
from application.ports.clock import Clock
from application.ports.heartbeats import Heartbeats

FRESH_SECONDS = 1.0
"""Time for which the served queues are cached, so that few submits read them from the store."""
START_SECONDS = 15.0
"""Time after its start in which a process gives no warnings, since its workers may be starting,
too."""
MAX_WARNINGS = 20
"""Limit per request, which may name 1,000 queues."""


class WarnAboutQueues:
    """Caches the served queues: create one instance per process, at its start."""

    def __init__(self, heartbeats: Heartbeats, clock: Clock) -> None:
        self._heartbeats = heartbeats
        self._clock = clock
        self._warns_from = clock.monotonic() + START_SECONDS
        self._served: frozenset[str] | None = None
        self._read_from = self._warns_from

    def execute(self, queues: Iterable[str]) -> Sequence[str]:
        """Return the first 20 of these queues that no worker has served for 30 seconds.

        Returns none while the store is unavailable, since the tasks themselves are stored by then.
        """
        served = self._served_lately()
        if served is None:
            return []
        unserved = [queue for queue in dict.fromkeys(queues) if queue not in served]
        return unserved[:MAX_WARNINGS]

    def _served_lately(self) -> frozenset[str] | None:
        """Return the served queues, at most a second old; None when they are unknown."""
        now = self._clock.monotonic()
        if now < self._warns_from:
            return None
        if now >= self._read_from:
            self._read_from = (
                now + FRESH_SECONDS
            )  # first, so that other threads use the cache meanwhile
            try:
                beats = self._heartbeats.recently_alive("worker")
            except StoreUnavailable:
                self._served = None
            else:
                self._served = frozenset(queue for beat in beats for queue in beat.process.queues)
        return self._served
