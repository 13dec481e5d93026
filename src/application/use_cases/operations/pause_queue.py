"""Pause a queue, or resume it."""

from dataclasses import replace

from application.errors import QueueNotFound
from application.ports.queues import Queues
from application.ports.wake_ups import WakeUps
from application.use_cases.operations.list_queues import ListQueues, QueueReport


class PauseQueue:
    """A paused queue accepts tasks but starts none. Running tasks go on.

    Pausing twice changes nothing.
    """

    def __init__(self, queues: Queues, wake_ups: WakeUps, list_queues: ListQueues) -> None:
        self._queues = queues
        self._wake_ups = wake_ups
        self._list_queues = list_queues

    def execute(self, name: str, *, paused: bool) -> QueueReport:
        """Return the new state of the queue. Raises QueueNotFound, StoreUnavailable."""
        before = self._report(name)
        if paused:
            self._queues.pause(name)
        else:
            self._queues.resume(name)
            self._wake_ups.top_up(name)
        try:
            return self._report(name)
        except QueueNotFound:  # only the pause kept the name
            return replace(before, state=replace(before.state, paused=False))

    def _report(self, name: str) -> QueueReport:
        for report in self._list_queues.execute(only=name):
            return report
        raise QueueNotFound(name)
