"""Wait until a task is final."""

from application.ports.clock import Clock
from application.ports.event_stream import EventStream, StreamEnded, StreamGap, Subscription
from application.ports.task_repository import TaskRepository
from domain.task import Task


class WaitForTask:
    """Waits for the events of the task, without polling."""

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
        deadline = self._clock.monotonic() + seconds
        try:
            with self._stream.subscribe(task_id) as subscription:
                return self._watch(task_id, subscription, deadline)
        except StreamEnded:
            return self._repository.get_or_raise(task_id)

    def _watch(self, task_id: str, subscription: Subscription, deadline: float) -> Task:
        task = self._repository.get_or_raise(task_id)
        while not task.status.is_final and (left := deadline - self._clock.monotonic()) > 0:
            try:
                event = subscription.next(left)
            except StreamGap:
                task = self._repository.get_or_raise(task_id)
            else:
                task = event.task if event else task
        return self._repository.get_or_raise(task_id)
