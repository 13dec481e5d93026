"""End the waiting tasks that have not started by their expires_at."""

from application.ports.clock import Clock
from application.ports.task_repository import Backlog, Change, TaskRepository
from application.sweep import Sweep, Swept


class ExpireTasks:
    def __init__(self, repository: TaskRepository, clock: Clock) -> None:
        self._repository = repository
        self._sweep = Sweep(repository, clock, Backlog.EXPIRING)

    def execute(self) -> Swept:
        """Expire tasks until none is left or the time of one sweep is up.

        Raises StoreUnavailable.
        """
        return self._sweep.run(
            lambda limit: self._repository.expiring(limit=limit),
            lambda task, now: Change(before=task, after=task.expire(now)),
        )
