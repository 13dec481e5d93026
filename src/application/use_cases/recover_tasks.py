"""Queue again what a dead worker left behind."""

from collections.abc import Sequence

from application.ports.clock import Clock
from application.ports.task_leases import TaskLeases
from application.ports.task_repository import Change, TaskRepository
from domain.task import Task

BATCH = 500


class RecoverTasks:
    """Each lost run is counted once, however many maintenance processes look at it."""

    def __init__(self, repository: TaskRepository, leases: TaskLeases, clock: Clock) -> None:
        """`clock` is the store's, since it decides which runs had timed out."""
        self._repository = repository
        self._leases = leases
        self._clock = clock

    def execute(self) -> Sequence[Task]:
        """Answers the tasks it recovered, as they stand now."""
        recovered: list[Task] = []
        while expired := self._leases.expired(limit=BATCH):
            now = self._clock.now()
            changes = [Change(before=task, after=task.lose(now), only_if_lease_expired=True) for task in expired]
            mine = [task for task in self._repository.save_each(changes) if task]
            recovered += mine
            if not mine:
                break
        return recovered
