"""End the waiting tasks that did not start in time."""

from application.ports.clock import Clock
from application.ports.task_repository import Change, TaskRepository

BATCH = 500


class ExpireTasks:
    def __init__(self, repository: TaskRepository, clock: Clock) -> None:
        self._repository = repository
        self._clock = clock

    def execute(self) -> int:
        """Goes on until none is left. Answers how many expired."""
        expired = 0
        while late := self._repository.expiring(limit=BATCH):
            now = self._clock.now()
            saved = self._repository.save_each([Change(before=task, after=task.expire(now)) for task in late])
            mine = sum(task is not None for task in saved)
            expired += mine
            if not mine:
                break
        return expired
