"""List the living workers and the tasks that they run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from application.owners import slot_of
from application.ports.heartbeats import Heartbeat, Heartbeats
from application.ports.task_leases import TaskLeases


@dataclass(frozen=True, kw_only=True)
class WorkerReport:
    heartbeat: Heartbeat
    running: Sequence[str]
    """The ids of the tasks that the worker runs, sorted."""
    io_concurrency: int = 0
    """Number of tasks that the worker's I/O pool runs at a time; 0 without a pool."""
    io_running: int = 0
    """Number of the running tasks that are in the I/O pool."""


class ListWorkers:
    def __init__(self, heartbeats: Heartbeats, leases: TaskLeases) -> None:
        self._heartbeats = heartbeats
        self._leases = leases

    def execute(self) -> Sequence[WorkerReport]:
        """Return the workers with a heartbeat in the last 15 seconds, by name.

        Raises StoreUnavailable.
        """
        running = self._leases.running()
        slots = {
            beat.process.name: beat.process.concurrency
            for beat in self._heartbeats.alive("io_pool")
        }
        return [
            _report(beat, running, slots.get(beat.process.name, 0))
            for beat in self._heartbeats.alive("worker")
        ]


def _report(beat: Heartbeat, running: Mapping[str, str], slots: int) -> WorkerReport:
    prefix = f"{beat.process.name}:"
    owners = [owner for owner in running if owner.startswith(prefix)]
    return WorkerReport(
        heartbeat=beat,
        running=sorted(running[owner] for owner in owners),
        io_concurrency=slots,
        io_running=sum(slot_of(owner) is not None for owner in owners),
    )
