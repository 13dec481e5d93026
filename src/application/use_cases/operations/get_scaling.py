"""Say how many places a queue needs, for what starts and stops workers."""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from application.errors import QueueNotFound
from application.ports.clock import Clock
from application.ports.heartbeats import Heartbeats
from application.ports.queues import Queues
from application.ports.series import HOUR, MINUTE, Series
from application.ports.task_leases import TaskLeases
from application.series import OTHERS, Counts, total_seconds
from domain.scaling import QueueLoad, desired_places
from domain.task_spec import QUEUE

DRAIN_SECONDS = 30
"""Time in which waiting tasks are to start, unless the caller names another."""
MINUTES = 5
"""Minutes, the present one included, whose runs are measured."""
HOURS = 24
"""Hours whose runs are measured if none ended in these minutes."""
NOTHING = Counts()


@dataclass(frozen=True, kw_only=True)
class ScalingReport:
    desired_places: int
    """Number of tasks that the workers of the queue should be able to run at a time, together."""
    backlog: int
    """Number of QUEUED tasks."""
    oldest_waiting_seconds: float
    """0 if no task waits."""
    idle_workers: int
    """Number of living workers that serve the queue and run nothing."""


class GetScaling:
    """Reads counters, the state of one queue and the heartbeats: no list of tasks is read.

    `domain.scaling.desired_places` has the rule.
    """

    def __init__(
        self,
        queues: Queues,
        heartbeats: Heartbeats,
        leases: TaskLeases,
        series: Series,
        clock: Clock,
    ) -> None:
        """`clock` is the store's, by which tasks were submitted and runs were counted."""
        self._queues = queues
        self._heartbeats = heartbeats
        self._leases = leases
        self._series = series
        self._clock = clock

    def execute(
        self, queue: str, drain: timedelta = timedelta(seconds=DRAIN_SECONDS)
    ) -> ScalingReport:
        """Return the places that the queue needs so that its tasks start within about `drain`.

        A queue that no task has named yet needs none. Tasks of a paused queue need none until they
        can start. Runs are measured when their task has ended, not when another attempt follows.
        Raises QueueNotFound for what is no name of a queue, and StoreUnavailable.
        """
        if not re.fullmatch(QUEUE, queue):
            raise QueueNotFound(queue)
        [state] = self._queues.states([queue])
        now, since = self._clock.now(), state.oldest_waiting_since
        waiting = 0 if state.paused else state.depth
        load = QueueLoad(
            waiting=waiting,
            running=state.processing,
            run_seconds=self._run_seconds(queue) if waiting or state.processing else None,
        )
        return ScalingReport(
            desired_places=desired_places(load, drain),
            backlog=state.depth,
            oldest_waiting_seconds=max((now - since).total_seconds(), 0.0) if since else 0.0,
            idle_workers=self._idle_workers(queue),
        )

    def _run_seconds(self, queue: str) -> float | None:
        """Return the mean seconds of the runs that ended in the last minutes, or else hours.

        A queue with few tasks is summed up with others in the hours, and then theirs count.
        """
        recent, _ = self._runs(MINUTE, MINUTES, queue)
        if recent:
            return _mean_seconds(recent)
        runs, others = self._runs(HOUR, HOURS, queue)
        return _mean_seconds(runs or others)

    def _runs(self, step: timedelta, number: int, queue: str) -> tuple[Counter[int], Counter[int]]:
        """Return the runs of the queue, and of those summed up together, by their duration."""
        runs, others = Counter[int](), Counter[int]()
        for _, interval in self._series.latest(step, number):
            runs.update(interval.queues.get(queue, NOTHING).run)
            others.update(interval.queues.get(OTHERS, NOTHING).run)
        return runs, others

    def _idle_workers(self, queue: str) -> int:
        busy = {owner.partition(":")[0] for owner in self._leases.running()}
        return sum(
            queue in beat.process.queues and beat.process.name not in busy
            for beat in self._heartbeats.alive("worker")
        )


def _mean_seconds(runs: Counter[int]) -> float | None:
    return total_seconds(runs) / runs.total() if runs else None
