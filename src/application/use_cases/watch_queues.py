"""Notice queues whose tasks nobody will start."""

from collections.abc import Sequence

from application.ports.heartbeats import Heartbeats
from application.ports.queues import Queues

MAX_TOLD = 20
"""Per call, so that thousands of such queues neither flood the log nor hold up the other duties."""


class WatchQueues:
    """One instance per process: it remembers what it told."""

    def __init__(self, queues: Queues, heartbeats: Heartbeats) -> None:
        self._queues = queues
        self._heartbeats = heartbeats
        self._known: set[str] = set()

    def execute(self) -> Sequence[str]:
        """Return at most 20 queues in which tasks wait that no living worker serves and that were not told before.

        A queue that was served or empty meanwhile is told again.
        """
        served = {queue for beat in self._heartbeats.alive("worker") for queue in beat.process.queues}
        unserved = {queue for queue in self._queues.waiting() if queue not in served}
        new = sorted(unserved - self._known)[:MAX_TOLD]
        told = [state.name for state in self._queues.states(new) if state.depth]
        self._known = (self._known & unserved) | set(told)
        return told
