"""List the living workers and the tasks that they run."""

from collections.abc import Sequence
from dataclasses import dataclass

from application.ports.heartbeats import Heartbeat, Heartbeats
from application.ports.task_leases import TaskLeases


@dataclass(frozen=True, kw_only=True)
class WorkerReport:
    heartbeat: Heartbeat
    running: Sequence[str]
    """The ids of the tasks that the worker runs, sorted."""


class ListWorkers:
    def __init__(self, heartbeats: Heartbeats, leases: TaskLeases) -> None:
        self._heartbeats = heartbeats
        self._leases = leases

    def execute(self) -> Sequence[WorkerReport]:
        """Return the workers with a heartbeat in the last 15 seconds, by name.

        Raises StoreUnavailable.
        """
        running = self._leases.running()
        return [
            WorkerReport(
                heartbeat=beat,
                running=sorted(
                    task_id
                    for owner, task_id in running.items()
                    if owner.startswith(f"{beat.process.name}:")
                ),
            )
            for beat in self._heartbeats.alive("worker")
        ]
