"""Delete a task."""

from application.optimistic_update import OptimisticUpdate
from application.ports.clock import Clock
from application.ports.task_repository import Change, TaskRepository
from domain.status import Status
from domain.task import Task


class DeleteTask:
    def __init__(self, repository: TaskRepository, update: OptimisticUpdate, clock: Clock) -> None:
        self._repository = repository
        self._update = update
        self._clock = clock

    def execute(self, task_id: str, *, cancel: bool = False) -> bool:
        """Return whether the task is removed. With `cancel`, a running task is stopped and removed
        later.

        Raises TaskNotFound, StaleTask, and TaskRunning without `cancel`.
        """

        def delete(task: Task) -> bool:
            if cancel and task.status is Status.PROCESSING:
                self._discard(task)
                return False
            task.ensure_deletable()
            self._repository.remove(task)
            return True

        return self._update.with_retries(task_id, delete)

    def _discard(self, task: Task) -> None:
        discarded = task.discard(self._clock.now())
        if discarded != task:
            self._repository.save(Change(before=task, after=discarded))
