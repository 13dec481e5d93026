"""Wait until a task is final."""

from contextlib import suppress

from application.errors import TaskNotFound
from application.ports.callers import Callers
from application.ports.clock import Clock
from application.ports.event_stream import EventStream, StreamEnded, StreamGap, TaskEvent
from domain.events import Event


class WaitForTask:
    """Waits for the events of the task, without polling.

    It holds no task while it waits: thousands may wait at once, and a task may take megabytes.
    """

    def __init__(self, stream: EventStream, clock: Clock, callers: Callers) -> None:
        self._stream = stream
        self._clock = clock
        self._callers = callers

    def execute(self, task_id: str, seconds: float) -> None:
        """Return when the task is final or deleted, after these seconds, or when the process ends.

        Raises TaskNotFound when there is no such task at first.
        """
        deadline = self._clock.monotonic() + seconds
        if self._is_final(task_id):
            return
        with suppress(StreamEnded, TaskNotFound):
            self._wait(task_id, deadline)

    def _wait(self, task_id: str, deadline: float) -> None:
        with self._stream.subscribe(task_id) as subscription:
            final = self._is_final(task_id)
            while not final and (left := deadline - self._clock.monotonic()) > 0:
                try:
                    final = _is_last(subscription.next(left))
                except StreamGap:
                    final = self._is_final(task_id)

    def _is_final(self, task_id: str) -> bool:
        """Raises TaskNotFound."""
        task, _ = self._stream.snapshot(task_id)
        if task is None or not self._callers.current().scope.matches(task):
            raise TaskNotFound(task_id)
        return task.status.is_final


def _is_last(event: TaskEvent | None) -> bool:
    return event is not None and (event.event is Event.DELETED or event.task.status.is_final)
