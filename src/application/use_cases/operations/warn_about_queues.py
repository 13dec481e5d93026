"""Warn callers whose tasks will wait because no worker serves their queue."""

from collections.abc import Iterable, Sequence

from application.errors import StoreUnavailable
from application.ports.clock import Clock
from application.ports.heartbeats import Heartbeats

FRESH_SECONDS = 1.0
"""How long the queues that workers serve are remembered, so that a submit seldom asks the store for them."""
START_SECONDS = 15.0
"""After its own start a process warns of nothing for so long: its workers may be starting, too."""
MAX_WARNINGS = 20
"""Per request, which may name 1,000 queues."""


class WarnAboutQueues:
    """One instance per process, made at its start."""

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
        """Return the queues, at most a second old, or None where they are not known."""
        now = self._clock.monotonic()
        if now < self._warns_from:
            return None
        if now >= self._read_from:
            self._read_from = now + FRESH_SECONDS  # first, so that other requests go on with what is known
            try:
                beats = self._heartbeats.lately("worker")
            except StoreUnavailable:
                self._served = None
            else:
                self._served = frozenset(queue for beat in beats for queue in beat.process.queues)
        return self._served
