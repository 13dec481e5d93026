"""Queue the scheduled tasks whose time has come."""

from application.ports.clock import Clock
from application.ports.task_repository import Backlog, Change, TaskRepository
from application.sweep import Sweep, Swept


class PromoteTasks:
    def __init__(self, repository: TaskRepository, clock: Clock) -> None:
        self._repository = repository
        self._sweep = Sweep(repository, clock, Backlog.DUE)

    def execute(self) -> Swept:
        """Queue due tasks until none is left or the time of one sweep is up.

        Raises StoreUnavailable.
        """
        return self._sweep.run(
            lambda limit: self._repository.due(limit=limit),
            lambda task, _: Change(before=task, after=task.promote()),
        )
