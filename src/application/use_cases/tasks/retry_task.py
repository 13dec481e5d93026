"""Retry a task that ended without a result."""

from application.optimistic_update import OptimisticUpdate
from application.ports.clock import Clock
from domain.task import Task


class RetryTask:
    def __init__(self, update: OptimisticUpdate, clock: Clock) -> None:
        """`clock` is the store's, since it decides what has expired."""
        self._update = update
        self._clock = clock

    def execute(self, task_id: str) -> Task:
        """Queue the task again, behind the tasks that wait now.

        Raises TaskNotFound, TaskNotRetryable.
        """
        return self._update.apply(task_id, lambda task: task.retry(self._clock.now()))
