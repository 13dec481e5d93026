"""List the queues: the tasks in each, and the number of workers that serve it."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from application.ports.callers import Callers
from application.ports.clock import Clock
from application.ports.heartbeats import Heartbeat, Heartbeats
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
        bound = self._callers.current().scope.queues
        return report_queues(
            self._queues,
            self._clock,
            self._heartbeats.alive("worker"),
            wanted=lambda name: (not bound or name in bound) and only in (None, name),
        )


def report_queues(
    queues: Queues,
    clock: Clock,
    workers: Sequence[Heartbeat],
    *,
    wanted: Callable[[str], bool] = lambda _: True,
) -> Sequence[QueueReport]:
    """Return the wanted queues of those that a task names, that are paused or that one of the
    workers serves, by name.

    `clock` is the store's, by which tasks were submitted. Raises StoreUnavailable.
    """
    served = Counter(queue for beat in workers for queue in beat.process.queues)
    names = sorted(filter(wanted, {*served, *queues.names()}))
    now = clock.now()
    return [
        QueueReport(
            state=state,
            oldest_waiting_seconds=max((now - since).total_seconds(), 0)
            if (since := state.oldest_waiting_since)
            else None,
            workers=served[state.name],
        )
        for state in queues.states(names)
    ]
