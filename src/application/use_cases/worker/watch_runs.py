"""Find the runs of a worker that must be stopped."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from application.ports.clock import Clock
from application.ports.task_leases import LostRun, TaskLeases
from application.skipped_items import SkippedItems
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
        self._skipped_items = SkippedItems()

    def execute(self, owners: Sequence[str]) -> Sequence[WatchedRun]:
        """Return what these owners run now. Raises StoreUnavailable."""
        held = self._leases.held_by(owners) if owners else []
        if not held:
            return []
        now = self._clock.now()
        return [
            WatchedRun(task=task, stop_in=seconds)
            for task in held
            if (seconds := self._seconds_left(task, now)) is not None
        ]

    def _seconds_left(self, task: Task, now: datetime) -> float | None:
        """Return after how many seconds the run must be stopped; None if that is not known."""
        if task.cancel_requested:
            return 0
        try:
            return max((task.deadline - now).total_seconds(), 0) if task.deadline else None
        except Exception as error:  # a damaged timeout must not keep other runs from being stopped
            self._skipped_items.log_once("watch", task.task_id, error)
            return None

    def lost(self, owners: Sequence[str]) -> Sequence[LostRun]:
        """Return the runs of these owners that were given up. Raises StoreUnavailable."""
        return self._leases.lost_by(owners) if owners else []
