"""Queue again what a dead worker left behind."""

from collections.abc import Sequence

from application.ports.clock import Clock
from application.ports.task_leases import TaskLeases
from application.ports.task_repository import Change, TaskRepository
from application.sweep import Sweep
from domain.task import Task

LEASE_RAN_OUT = "Its lease ran out: the worker was lost, stopped, starved or cut off from the store."


class RecoverTasks:
    """Each lost run is counted once, however many maintenance processes look at it."""

    def __init__(self, repository: TaskRepository, leases: TaskLeases, clock: Clock) -> None:
        """`clock` is the store's, since it decides which runs had timed out."""
        self._sweep = Sweep(repository)
        self._leases = leases
        self._clock = clock

    def execute(self) -> Sequence[Task]:
        """Answers the tasks it recovered, as they stand now."""
        return self._sweep.run(lambda limit: self._leases.expired(limit=limit), self._lose)

    def _lose(self, expired: Sequence[Task]) -> Sequence[Change]:
        now = self._clock.now()
        return [
            Change(
                before=task,
                after=task.lose(now, LEASE_RAN_OUT),
                only_if_lease_expired=True,
                log=f"The run was lost. {LEASE_RAN_OUT}",
            )
            for task in expired
        ]
