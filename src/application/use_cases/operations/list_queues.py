"""List the queues: the tasks in each, and the number of workers that serve it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from application.ports.callers import Callers
from application.ports.clock import Clock
from application.ports.heartbeats import Heartbeats
from application.ports.queues import Queues, QueueState


@dataclass(frozen=True, kw_only=True)
class QueueReport:
    state: QueueState
    oldest_waiting_seconds: float | None
    workers: int
    """Number of living workers that serve the queue. With 0, its tasks do not start."""


class ListQueues:
    def __init__(
        self, queues: Queues, heartbeats: Heartbeats, clock: Clock, callers: Callers
    ) -> None:
        """`clock` is the store's, by which tasks were submitted."""
        self._callers = callers
        self._queues = queues
        self._heartbeats = heartbeats
        self._clock = clock

    def execute(self, *, only: str | None = None) -> Sequence[QueueReport]:
        """Return every queue that a task names, that is paused or that a worker serves, by name.

        A caller that is bound to queues gets these alone. `only` limits the result to one queue.
        Raises StoreUnavailable.
        """
        served = Counter(
            queue for beat in self._heartbeats.alive("worker") for queue in beat.process.queues
        )
        bound = self._callers.current().scope.queues
        names = sorted(
            name for name in {*served, *self._queues.names()} if not bound or name in bound
        )
        if only is not None:
            names = [name for name in names if name == only]
        now = self._clock.now()
        return [
            QueueReport(
                state=state,
                oldest_waiting_seconds=max((now - since).total_seconds(), 0)
                if (since := state.oldest_waiting_since)
                else None,
                workers=served[state.name],
            )
            for state in self._queues.states(names)
        ]
