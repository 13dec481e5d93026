"""End the runs of processes that are known to be dead."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from application.errors import TaskNotFound
from application.optimistic_update import OptimisticUpdate
from application.ports.clock import Clock
from application.ports.task_leases import LostRun, TaskLeases
from domain.task import Task

End = Callable[[Task, datetime], Task]

WORKER_DIED = "The whole worker died: it was killed, or its host was restarted."


class ReleaseRuns:
    """For runs that crashed, and for those that a shutdown or an outage ended and that so count as nothing.

    Every method answers the tasks as they stand now, and raises StoreUnavailable.
    """

    def __init__(self, leases: TaskLeases, update: OptimisticUpdate, clock: Clock) -> None:
        """`clock` is the store's, since it decides which runs had timed out."""
        self._leases = leases
        self._update = update
        self._clock = clock

    def crashed(self, causes: Mapping[str, str]) -> Sequence[Task]:
        """Settle the runs of dead processes of a living worker.

        `causes` says by owner how each died. The log of the task gets it as a line.
        """
        runs = self._leases.held_by(list(causes))
        return [task for run in runs if run.owner for task in self._lose([run], causes[run.owner])]

    def crashed_under(self, owner_prefix: str) -> Sequence[Task]:
        """A whole worker died; its processes have names that start with this."""
        return self._lose(self._leases.held_under(owner_prefix), WORKER_DIED)

    def stopped_under(self, owner_prefix: str) -> Sequence[Task]:
        """A worker ended these runs itself."""
        return self._settle(self._leases.held_under(owner_prefix), Task.stop)

    def cut_off(self, owners: Sequence[str]) -> Sequence[Task]:
        """Processes ended because nobody on their host reached the store: what was counted as a crash is forgiven."""
        stopped = self._settle(self._leases.held_by(owners), Task.stop)
        return [*stopped, *filter(None, map(self._forgive, self._leases.lost_by(owners)))]

    def _lose(self, runs: Sequence[Task], cause: str) -> Sequence[Task]:
        return self._settle(runs, lambda task, now: task.lose(now, cause), log=f"The run was lost. {cause}")

    def _settle(self, runs: Sequence[Task], end: End, log: str = "") -> Sequence[Task]:
        if not runs:
            return []
        now = self._clock.now()

        def transition(run: Task) -> Callable[[Task], Task]:
            return lambda task: end(task, now) if task.is_run_of(run.fencing_token) else task

        return [task for run in runs if (task := self._apply(run, transition(run), log))]

    def _forgive(self, lost: LostRun) -> Task | None:
        return self._apply(lost.task, lambda task: task.forgive(lost.fencing_token))

    def _apply(self, known: Task, transition: Callable[[Task], Task], log: str = "") -> Task | None:
        try:
            return self._update.apply(known.task_id, transition, known=known, log=lambda *_: log)
        except TaskNotFound:
            return None
