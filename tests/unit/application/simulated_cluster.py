"""Workers that an autoscaler starts and stops while tasks arrive, in virtual time.

`GetScaling` decides, over what the simulation counts. Numbers that the manifests have are theirs.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from application.ports.heartbeats import Heartbeat
from application.ports.queues import QueueState
from application.series import Count, Counted, Interval, bucket_of
from application.use_cases.operations.get_scaling import GetScaling
from tests import manifests
from tests.building import NOON
from tests.contracts.heartbeats import a_process
from tests.fakes.clock import FakeClock
from tests.fakes.heartbeats import FakeHeartbeats
from tests.fakes.queues import FakeQueues
from tests.fakes.series import FakeSeries
from tests.fakes.task_store import FakeTaskStore
from tests.unit.application.simulated_autoscaler import SYNC_SECONDS, Autoscaler

TICK_SECONDS = 1
START_SECONDS = 20
"""Time from the decision to start a worker until it takes tasks."""
EXIT_SECONDS = 2
"""Time that a worker may take after its grace, to kill its children and hand back their runs."""
QUEUE = "default"


@dataclass(eq=False)
class Work:
    """A task that takes `seconds`, from the beginning whenever it is run."""

    arrives: float
    seconds: float
    started: list[float] = field(default_factory=list)
    ended: float | None = None


@dataclass(eq=False)
class Worker:
    name: str
    ready: float
    stopped: float | None = None
    """When it was told to stop."""
    runs: list[Work] = field(default_factory=list)


class Cluster:
    def __init__(self, arrivals: Iterable[Work], autoscaler: Autoscaler) -> None:
        given = manifests.settings("production")
        pod = manifests.one(manifests.read("base/worker.yaml"), "Deployment")["spec"]["template"]
        self.places = int(given["TASKS_WORKER_CONCURRENCY"])
        self.grace = int(given["TASKS_SHUTDOWN_GRACE_SECONDS"])
        self._termination: int = pod["spec"]["terminationGracePeriodSeconds"]
        self._arrivals = deque(sorted(arrivals, key=lambda work: work.arrives))
        self.waiting: deque[Work] = deque()
        self.workers = [Worker(f"worker-{at}", 0.0) for at in range(autoscaler.fewest)]
        self.now = 0.0
        self.replicas: list[int] = []
        """At each look of the autoscaler."""
        self.desired: list[int] = []
        self.running: list[int] = []
        self.done: list[Work] = []
        self.ended_early: list[float] = []
        """Seconds from the stop of a worker to the end of a run that it had not finished."""
        self.minutes: dict[int, Interval] = {}
        self._autoscaler = autoscaler
        self._clock = FakeClock()
        self._scaling = GetScaling(
            SeenQueues(self), SeenHeartbeats(self), SeenRuns(self), SeenSeries(self), self._clock
        )

    def run(self, seconds: float) -> None:
        """Let so many seconds pass."""
        end = self.now + seconds
        while self.now < end:
            self._tick()
            if self.now % SYNC_SECONDS == 0:
                self._scale()
            self.now += TICK_SECONDS
            self._clock.advance(timedelta(seconds=TICK_SECONDS))

    def run_until_idle(self, number: int, then: float) -> None:
        """Let time pass until so many tasks are done, six hours at most, and then some more."""
        while len(self.done) < number and self.now < 6 * 3_600:
            self.run(SYNC_SECONDS)
        self.run(then)

    @property
    def serving(self) -> list[Worker]:
        """The workers that were not told to stop."""
        return [worker for worker in self.workers if worker.stopped is None]

    def _tick(self) -> None:
        while self._arrivals and self._arrivals[0].arrives <= self.now:
            self.waiting.append(self._arrivals.popleft())
        for worker in list(self.workers):
            self._finish(worker)
            if worker.stopped is not None:
                self._stop(worker, self.now - worker.stopped)
            elif worker.ready <= self.now:
                self._claim(worker)

    def _finish(self, worker: Worker) -> None:
        for work in list(worker.runs):
            if work.started[-1] + work.seconds <= self.now:
                worker.runs.remove(work)
                work.ended = self.now
                self.done.append(work)
                run = bucket_of(timedelta(seconds=work.seconds))
                minute = self.minutes.setdefault(int(self.now // 60), Interval())
                minute.add(Count(Counted.COMPLETED, QUEUE, "type", wait=0, run=run), 1)

    def _stop(self, worker: Worker, seconds: float) -> None:
        """Let a worker end: when its runs have ended, after its grace, or killed by the kubelet."""
        handed_back = seconds >= self.grace and bool(worker.runs)
        if handed_back or seconds >= self._termination:
            self.ended_early += [seconds] * len(worker.runs)
            self.waiting.extendleft(worker.runs)
            worker.runs.clear()
        if not worker.runs:
            self.workers.remove(worker)

    def _claim(self, worker: Worker) -> None:
        while self.waiting and len(worker.runs) < self.places:
            work = self.waiting.popleft()
            work.started.append(self.now)
            worker.runs.append(work)

    def _scale(self) -> None:
        self.running.append(sum(len(worker.runs) for worker in self.workers))
        desired = self._scaling.execute(QUEUE).desired_places
        serving = self.serving
        wanted = self._autoscaler.next_replicas(self.now, len(serving), desired)
        for at in range(wanted - len(serving)):
            name = f"worker-{self.now}-{at}"
            self.workers.append(Worker(name, self.now + START_SECONDS))
        # the worst choice: those that run the most tasks
        serving.sort(key=lambda worker: -len(worker.runs))
        for worker in serving[: max(len(serving) - wanted, 0)]:
            worker.stopped = self.now
        self.replicas.append(wanted)
        self.desired.append(desired)


class SeenQueues(FakeQueues):
    """The state of the only queue."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def states(self, names: Sequence[str]) -> Sequence[QueueState]:
        cluster = self._cluster
        oldest = min((work.arrives for work in cluster.waiting), default=None)
        return [
            QueueState(
                name=name,
                depth=len(cluster.waiting),
                processing=sum(len(worker.runs) for worker in cluster.workers),
                scheduled=0,
                oldest_waiting_since=None if oldest is None else instant(oldest),
                paused=False,
            )
            for name in names
        ]


class SeenHeartbeats(FakeHeartbeats):
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def alive(self, role: str) -> Sequence[Heartbeat]:
        return [
            Heartbeat(process=a_process(name=each.name, queues=(QUEUE,)), at=NOON)
            for each in self._cluster.workers
            if each.ready <= self._cluster.now
        ]


class SeenRuns(FakeTaskStore):
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def running(self) -> Mapping[str, str]:
        return {
            f"{worker.name}:{at}": "id"
            for worker in self._cluster.workers
            for at, _ in enumerate(worker.runs)
        }


class SeenSeries(FakeSeries):
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def latest(self, step: timedelta, number: int) -> Iterator[tuple[datetime, Interval]]:
        steps = int(step.total_seconds() // 60)
        present = int(self._cluster.now // 60) // steps
        for at in range(present - number + 1, present + 1):
            whole = Interval()
            for minute in range(at * steps, (at + 1) * steps):
                if minute in self._cluster.minutes:
                    whole.follow(self._cluster.minutes[minute])
            yield instant(at * steps * 60), whole


def instant(seconds: float) -> datetime:
    """Return the time of the simulation as a date."""
    return NOON + timedelta(seconds=seconds)


def burst(at: float, number: int, seconds: float) -> list[Work]:
    """Return tasks that arrive together."""
    return [Work(at, seconds) for _ in range(number)]


def turns(replicas: Sequence[int]) -> int:
    """Return how often a rise follows a fall, or a fall a rise."""
    changes = [later - earlier for earlier, later in pairwise(replicas)]
    signs = [change > 0 for change in changes if change]
    return sum(earlier != later for earlier, later in pairwise(signs))


def facts(cluster: Cluster) -> dict[str, Any]:
    """Return what a failed assertion should show."""
    return {"replicas": cluster.replicas, "desired": cluster.desired, "running": cluster.running}
