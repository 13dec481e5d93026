"""End the runs of processes that are known to be dead."""

from collections.abc import Callable, Mapping, Sequence

from application.errors import StoreUnavailable, TaskNotFound
from application.optimistic_update import OptimisticUpdate
from application.ports.clock import Clock
from application.ports.task_leases import LostRun, TaskLeases
from application.ports.tracer import Tracer
from application.run_outcome import Lost, RunEnd, RunOutcome, Stopped
from application.skipped_items import SkippedItems
from application.spans import record_ended_run
from domain.task import Task

WORKER_DIED = "The whole worker died: it was killed, or its host was restarted."


class ReleaseRuns:
    """Ends runs whose process is dead.

    A crash is counted as a crash. A shutdown or an outage is counted as nothing.

    Every method returns the tasks as they stand afterwards, and raises StoreUnavailable.
    """

    def __init__(
        self, leases: TaskLeases, update: OptimisticUpdate, clock: Clock, tracer: Tracer
    ) -> None:
        """`clock` is the store's clock: it decides whether a run had timed out."""
        self._leases = leases
        self._update = update
        self._clock = clock
        self._tracer = tracer
        self._skipped_items = SkippedItems()

    def crashed(self, causes: Mapping[str, str]) -> Sequence[Task]:
        """End the runs of dead processes of a living worker as lost.

        `causes` holds how each owner died, in a sentence that the task's log repeats.
        """
        runs = self._leases.held_by(list(causes))
        return [task for run in runs if run.owner for task in self._lose([run], causes[run.owner])]

    def crashed_under(self, owner_prefix: str) -> Sequence[Task]:
        """End the runs of a dead worker as lost. Its processes' names start with the prefix."""
        return self._lose(self._leases.held_by_prefix(owner_prefix), WORKER_DIED)

    def stopped_under(self, owner_prefix: str) -> Sequence[Task]:
        """Hand back the runs that a worker ended itself. They do not count as attempts."""
        return self._end(self._leases.held_by_prefix(owner_prefix), Stopped())

    def cut_off(self, owners: Sequence[str]) -> Sequence[Task]:
        """Hand back the runs of processes that ended because the store could not be reached.

        Forgives the crashes that were counted for them meanwhile.
        """
        stopped = self._end(self._leases.held_by(owners), Stopped())
        return [*stopped, *filter(None, map(self._forgive, self._leases.lost_by(owners)))]

    def _lose(self, runs: Sequence[Task], cause: str) -> Sequence[Task]:
        return self._end(runs, Lost(cause), log=f"The run was lost. {cause}")

    def _end(self, runs: Sequence[Task], outcome: RunOutcome, log: str = "") -> Sequence[Task]:
        if not runs:
            return []
        now = self._clock.now()
        ended = (self._save(RunEnd(run, outcome, at=now), log) for run in runs)
        return [task for task in ended if task is not None]

    def _save(self, end: RunEnd, log: str) -> Task | None:
        run = end.run
        after = self._attempt(
            run, lambda: self._update.apply(run.task_id, end.apply, known=run, log=lambda *_: log)
        )
        if after is not None:
            record_ended_run(self._tracer, run, after, end.at)
        return after

    def _forgive(self, lost: LostRun) -> Task | None:
        def forgive(task: Task) -> Task:
            return task.forgive(lost.fencing_token)

        return self._attempt(
            lost.task, lambda: self._update.apply(lost.task.task_id, forgive, known=lost.task)
        )

    def _attempt(self, task: Task, save: Callable[[], Task]) -> Task | None:
        """Return the task as saved; None when it is gone or damaged, so that others go on."""
        try:
            return save()
        except TaskNotFound:
            return None
        except StoreUnavailable:
            raise
        except Exception as error:
            self._skipped_items.log_once("release", task.task_id, error)
            return None
