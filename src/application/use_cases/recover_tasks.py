"""Queue again what a dead worker left behind."""

from collections.abc import Sequence

from application.errors import StaleTask
from application.ports.clock import Clock
from application.ports.task_leases import TaskLeases
from application.ports.task_repository import Change, TaskRepository
from domain.task import Task

BATCH = 500


class RecoverTasks:
    """Each lost run is counted once, however many maintenance processes look at it."""

    def __init__(self, repository: TaskRepository, leases: TaskLeases, clock: Clock) -> None:
        self._repository = repository
        self._leases = leases
        self._clock = clock

    def execute(self) -> Sequence[Task]:
        """Answers the tasks it recovered, as they stand now: QUEUED, or FAILED after too many crashes."""
        recovered = []
        while expired := self._leases.expired(limit=BATCH):
            mine = [task for task in map(self._recover, expired) if task is not None]
            recovered += mine
            if not mine:
                break
        return recovered

    def _recover(self, task: Task) -> Task | None:
        change = Change(before=task, after=task.lose(self._clock.now()), only_if_lease_expired=True)
        try:
            return self._repository.save(change)
        except StaleTask:
            return None
