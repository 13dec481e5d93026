"""Wait until a task is final."""

from contextlib import suppress

from application.ports.clock import Clock
from application.ports.event_stream import EventStream, StreamEnded, StreamGap, TaskEvent
from application.ports.task_repository import TaskRepository
from domain.task import Task


class WaitForTask:
    """Waits for the events of the task, without polling.

    It holds no task while it waits: thousands may wait at once, and a task may take megabytes.
    """

    def __init__(self, repository: TaskRepository, stream: EventStream, clock: Clock) -> None:
        self._repository = repository
        self._stream = stream
        self._clock = clock

    def execute(self, task_id: str, seconds: float) -> Task:
        """Return the task when it is final, or as it is after these seconds.

        Raises TaskNotFound.
        """
        task = self._repository.get_or_raise(task_id)
        if task.status.is_final:
            return task
        del task
        with suppress(StreamEnded):
            self._wait(task_id, self._clock.monotonic() + seconds)
        return self._repository.get_or_raise(task_id)

    def _wait(self, task_id: str, deadline: float) -> None:
        """Return when the task is final or gone, or at the deadline. Raises StreamEnded."""
        with self._stream.subscribe(task_id) as subscription:
            ended = self._has_ended(task_id)
            while not ended and (left := deadline - self._clock.monotonic()) > 0:
                try:
                    ended = _is_last(subscription.next(left))
                except StreamGap:
                    ended = self._has_ended(task_id)

    def _has_ended(self, task_id: str) -> bool:
        task, _ = self._stream.snapshot(task_id)
        return task is None or task.status.is_final


def _is_last(event: TaskEvent | None) -> bool:
    return event is not None and event.task.status.is_final
