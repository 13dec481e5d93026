"""Find queues that have waiting tasks and no living worker that serves them."""

from collections.abc import Sequence
from datetime import timedelta

from application.ports.clock import Clock
from application.ports.heartbeats import Heartbeats
from application.ports.queues import Queues

MAX_QUEUES = 20
"""Limit per call, so that thousands of queues neither flood the log nor delay the other duties."""

PATIENCE_LEASES = 2
"""Duration, in leases, for which a queue must be unserved before it is returned."""


class FindUnservedQueues:
    """Remembers which queues it has returned: use one instance per process."""

    def __init__(
        self, queues: Queues, heartbeats: Heartbeats, clock: Clock, lease: timedelta
    ) -> None:
        self._queues = queues
        self._heartbeats = heartbeats
        self._clock = clock
        self._patience = PATIENCE_LEASES * lease.total_seconds()
        self._unserved_since: dict[str, float] = {}
        self._known: set[str] = set()
        self._looked_at: dict[str, float] = {}
        """When the depth of each queue was last read. The longest ago comes first, so that queues
        without tasks, such as damaged ones, hide no others."""

    def execute(self) -> Sequence[str]:
        """Return at most 20 queues that have had waiting tasks and no living worker for two leases.

        The two leases give a worker time to start. Each queue is returned once; it is returned
        again only after it was served or empty in between. Raises StoreUnavailable.
        """
        served = {
            queue for beat in self._heartbeats.alive("worker") for queue in beat.process.queues
        }
        unserved = {queue for queue in self._queues.waiting() if queue not in served}
        now = self._clock.monotonic()
        self._unserved_since = {queue: self._unserved_since.get(queue, now) for queue in unserved}
        long = {
            queue for queue, since in self._unserved_since.items() if now - since >= self._patience
        }
        new = sorted(long - self._known, key=lambda queue: (self._looked_at.get(queue, 0), queue))
        states = self._queues.states(new[:MAX_QUEUES])
        self._looked_at = {queue: at for queue, at in self._looked_at.items() if queue in long}
        self._looked_at |= dict.fromkeys((state.name for state in states), now)
        found = sorted(state.name for state in states if state.depth)
        self._known = (self._known & unserved) | set(found)
        return found
