"""Recover runs whose lease has expired: queue their tasks again, or fail them after the fourth
crash.
"""

from datetime import datetime

from application.ports.clock import Clock
from application.ports.task_leases import TaskLeases
from application.ports.task_repository import Backlog, Change, TaskRepository
from application.ports.tracer import Tracer
from application.spans import record_ended_run
from application.sweep import Sweep, Swept
from domain.task import Task

LEASE_RAN_OUT = (
    "Its lease ran out: the worker was lost, stopped, starved or cut off from the store."
)


class RecoverTasks:
    """Each lost run is counted once, however many maintenance processes find it."""

    def __init__(
        self, repository: TaskRepository, leases: TaskLeases, clock: Clock, tracer: Tracer
    ) -> None:
        """`clock` is the store's, since it decides which runs had timed out."""
        self._sweep = Sweep(repository, clock, Backlog.LOST)
        self._leases = leases
        self._tracer = tracer

    def execute(self) -> Swept:
        """Recover lost runs until none is left or the time of one sweep is up.

        Raises StoreUnavailable.
        """
        lost: dict[str, tuple[Task, datetime]] = {}

        def lose(task: Task, now: datetime) -> Change:
            if task.trace is not None:
                lost[task.task_id] = task, now
            return _lose(task, now)

        swept = self._sweep.run(lambda limit: self._leases.expired(limit=limit), lose)
        for after in swept.tasks:
            if after.task_id in lost:
                run, now = lost[after.task_id]
                record_ended_run(self._tracer, run, after, now)
        return swept


def _lose(task: Task, now: datetime) -> Change:
    return Change(
        before=task,
        after=task.lose(now, LEASE_RAN_OUT),
        only_if_lease_expired=True,
        log=f"The run was lost. {LEASE_RAN_OUT}",
    )
