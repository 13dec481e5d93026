"""Say how many places a queue needs, for what starts and stops workers."""

import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from application.errors import QueueNotFound
from application.ports.clock import Clock
from application.ports.heartbeats import Heartbeats
from application.ports.queues import Queues
from application.ports.series import HOUR, MINUTE, Series
from application.ports.task_leases import TaskLeases
from application.series import OTHERS, Counts, Interval, total_seconds
from domain.scaling import QueueLoad, desired_places
from domain.task_spec import QUEUE

DRAIN_SECONDS = 30
"""Time in which waiting tasks are to start, unless the caller names another."""
MINUTES = 5
"""Minutes, the present one included, whose runs tell how many places are in use."""
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
        load = QueueLoad(
            waiting=0 if state.paused else state.depth, running=state.processing, run_seconds=None
        )
        return ScalingReport(
            desired_places=desired_places(self._measured(load, queue, now), drain),
            backlog=state.depth,
            oldest_waiting_seconds=max((now - since).total_seconds(), 0.0) if since else 0.0,
            idle_workers=self._idle_workers(queue),
        )

    def _measured(self, load: QueueLoad, queue: str, now: datetime) -> QueueLoad:
        """Return the load with what the last minutes, or else the last hours, tell of its runs.

        A run counts as in use at most since the beginning of these minutes.
        """
        runs, used_seconds, start = Counter[int](), 0.0, now
        for begins_at, interval in self._series.latest(MINUTE, MINUTES):
            start = min(start, begins_at)
            ended = _counts(interval, queue).run
            runs.update(ended)
            latest = min(begins_at + MINUTE, now)
            used_seconds += total_seconds(ended, max((latest - start).total_seconds(), 0.0))
        seconds = (now - start).total_seconds()
        if not runs and load.waiting + load.running:
            runs = self._runs_of_hours(queue)
        return replace(
            load,
            run_seconds=total_seconds(runs) / runs.total() if runs else None,
            used_places=used_seconds / seconds if seconds > 0 else 0.0,
        )

    def _runs_of_hours(self, queue: str) -> Counter[int]:
        """Return the runs of the queue in the last hours by their duration.

        A queue with few tasks is summed up with others, and then those of the others count.
        """
        runs, others = Counter[int](), Counter[int]()
        for _, interval in self._series.latest(HOUR, HOURS):
            runs.update(_counts(interval, queue).run)
            others.update(_counts(interval, OTHERS).run)
        return runs or others

    def _idle_workers(self, queue: str) -> int:
        busy = {owner.partition(":")[0] for owner in self._leases.running()}
        return sum(
            queue in beat.process.queues and beat.process.name not in busy
            for beat in self._heartbeats.alive("worker")
        )


def _counts(interval: Interval, queue: str) -> Counts:
    return interval.queues.get(queue, NOTHING)
