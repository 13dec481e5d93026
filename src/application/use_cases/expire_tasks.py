"""End the waiting tasks that did not start in time."""

from collections.abc import Sequence

from application.ports.clock import Clock
from application.ports.task_repository import Change, TaskRepository
from application.sweep import Sweep
from domain.task import Task


class ExpireTasks:
    def __init__(self, repository: TaskRepository, clock: Clock) -> None:
        self._repository = repository
        self._sweep = Sweep(repository)
        self._clock = clock

    def execute(self) -> int:
        """Goes on until none is left. Answers how many expired."""
        return len(self._sweep.run(lambda limit: self._repository.expiring(limit=limit), self._expire))

    def _expire(self, late: Sequence[Task]) -> Sequence[Change]:
        now = self._clock.now()
        return [Change(before=task, after=task.expire(now)) for task in late]
