"""End the runs of processes that are known to be dead."""

from collections.abc import Callable, Sequence
from datetime import datetime

from application.decision import Decision
from application.errors import TaskNotFound
from application.ports.clock import Clock
from application.ports.task_leases import TaskLeases
from domain.task import Task

End = Callable[[Task, datetime], Task]


class SettleRuns:
    """For runs that crashed, and for those that a shutdown or an outage ended and that so count as nothing.

    Every method answers the tasks as they stand now, and raises StoreUnavailable.
    """

    def __init__(self, leases: TaskLeases, decision: Decision, clock: Clock) -> None:
        """`clock` is the store's, since it decides which runs had timed out."""
        self._leases = leases
        self._decision = decision
        self._clock = clock

    def crashed(self, owners: Sequence[str]) -> Sequence[Task]:
        """Processes of a living worker died."""
        return self._settle(self._leases.held_by(owners), Task.lose)

    def crashed_under(self, owner_prefix: str) -> Sequence[Task]:
        """A whole worker died; its processes have names that start with this."""
        return self._settle(self._leases.held_under(owner_prefix), Task.lose)

    def stopped(self, owners: Sequence[str]) -> Sequence[Task]:
        """Processes of a living worker were ended on purpose, or because the store was away."""
        return self._settle(self._leases.held_by(owners), Task.stop)

    def stopped_under(self, owner_prefix: str) -> Sequence[Task]:
        """A worker ended these runs itself."""
        return self._settle(self._leases.held_under(owner_prefix), Task.stop)

    def cut_off(self, runs: Sequence[Task]) -> Sequence[Task]:
        """Nobody on the host reached the store, so these runs ended; maintenance may have counted them as crashes."""
        return self._settle(runs, Task.stop, forgive=True)

    def _settle(self, runs: Sequence[Task], end: End, *, forgive: bool = False) -> Sequence[Task]:
        if not runs:
            return []
        now = self._clock.now()

        def transition(run: Task) -> Callable[[Task], Task]:
            return lambda task: (
                end(task, now) if task.is_run_of(run.claim) else task.forgive(run.claim) if forgive else task
            )

        return [task for run in runs if (task := self._apply(run, transition(run)))]

    def _apply(self, run: Task, transition: Callable[[Task], Task]) -> Task | None:
        try:
            return self._decision.apply(run.task_id, transition, known=run)
        except TaskNotFound:
            return None
