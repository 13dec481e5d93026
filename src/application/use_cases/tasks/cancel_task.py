"""Cancel a task."""

from application.optimistic_update import OptimisticUpdate
from application.ports.clock import Clock
from domain.task import Task


class CancelTask:
    """A waiting task is CANCELLED when `execute` returns, and no worker starts it.

    A running task is stopped by its worker within seconds, unless it ends first.
    """

    def __init__(self, update: OptimisticUpdate, clock: Clock) -> None:
        self._update = update
        self._clock = clock

    def execute(self, task_id: str) -> Task:
        """Raises TaskNotFound, TaskFinal."""
        return self._update.apply(task_id, lambda task: task.cancel(self._clock.now()))
