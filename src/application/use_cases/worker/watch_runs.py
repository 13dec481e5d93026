"""Find the runs of a worker that must be stopped."""

from collections.abc import Sequence
from dataclasses import dataclass

from application.ports.clock import Clock
from application.ports.task_leases import LostRun, TaskLeases
from domain.task import Task


@dataclass(frozen=True, kw_only=True)
class WatchedRun:
    """A run, and when it must be stopped."""

    task: Task
    stop_in: float
    """Seconds until the run must be stopped; 0 if it was cancelled."""


class WatchRuns:
    """Reads what the processes of a worker run, and which of their runs were given up."""

    def __init__(self, leases: TaskLeases, clock: Clock) -> None:
        """`clock` is the store's clock, which set the start of each run."""
        self._leases = leases
        self._clock = clock

    def execute(self, owners: Sequence[str]) -> Sequence[WatchedRun]:
        """Return what these owners run now. Raises StoreUnavailable."""
        held = self._leases.held_by(owners) if owners else []
        now = self._clock.now() if held else None
        return [
            WatchedRun(
                task=task,
                stop_in=0
                if task.cancel_requested
                else max((task.deadline - now).total_seconds(), 0),
            )
            for task in held
            if task.deadline and now
        ]

    def lost(self, owners: Sequence[str]) -> Sequence[LostRun]:
        """Return the runs of these owners that were given up. Raises StoreUnavailable."""
        return self._leases.lost_by(owners) if owners else []
