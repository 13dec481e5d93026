"""Collect the numbers that monitoring watches."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from application.errors import StoreUnavailable
from application.ports.clock import Clock
from application.ports.delivery_log import DeliveryLog
from application.ports.event_stream import EventStream
from application.ports.heartbeats import Heartbeat, Heartbeats
from application.ports.queues import Queues
from application.ports.series import Series
from application.ports.statistics import Occurrence, Statistics
from application.ports.store_probe import StoreCapacity, StoreProbe
from application.ports.task_leases import TaskLeases
from application.task_totals import OTHER_NAME, TaskTotals, Total, shown_names
from application.use_cases.operations.list_queues import report_queues
from domain.status import Status


@dataclass(kw_only=True)
class QueueMetrics:
    """The numbers of one queue, or of all others together."""

    stored: int = 0
    """Number of tasks of any status."""
    scheduled: int = 0
    waiting: int = 0
    """Number of QUEUED tasks."""
    processing: int = 0
    oldest_waiting_seconds: float = 0.0
    """0 when no task waits."""
    workers: int = 0
    """Number of living workers that serve the queue. Of several queues, the lowest number of one
    in which tasks wait."""
    is_paused: bool = False
    """True for several queues if all are."""


@dataclass(frozen=True, kw_only=True)
class WorkerMetrics:
    alive: int
    places: int
    """Number of tasks that all living workers together run at a time."""
    busy_places: int
    maintenance: int
    """Number of living maintenance processes."""


@dataclass(frozen=True, kw_only=True)
class ServiceMetrics:
    """Names of queues and types are limited: see `application.task_totals`."""

    by_status: Mapping[Status, int]
    by_type: Mapping[str, int]
    queues: Mapping[str, QueueMetrics]
    totals: TaskTotals
    occurrences: Mapping[Occurrence, int]
    workers: WorkerMetrics
    callbacks_pending: int
    callbacks_due: int
    event_lag_seconds: float
    capacity: StoreCapacity
    round_trip_seconds: float


class CollectMetrics:
    def __init__(
        self,
        statistics: Statistics,
        series: Series,
        queues: Queues,
        heartbeats: Heartbeats,
        leases: TaskLeases,
        delivery_log: DeliveryLog,
        event_stream: EventStream,
        probe: StoreProbe,
        clock: Clock,
        store_clock: Clock,
    ) -> None:
        """`store_clock` is the store's clock, by which tasks were submitted."""
        self._statistics = statistics
        self._series = series
        self._queues = queues
        self._heartbeats = heartbeats
        self._leases = leases
        self._delivery_log = delivery_log
        self._event_stream = event_stream
        self._probe = probe
        self._clock = clock
        self._store_clock = store_clock

    def execute(self, read_up_to: str | None = None) -> ServiceMetrics | None:
        """Return the numbers; None while the store is unavailable, which is a metric as well.

        `read_up_to` is the position in the stream of events up to which every process of the API
        with followers has read; None if there is none.
        """
        try:
            return self._collect(read_up_to)
        except StoreUnavailable:
            return None

    def _collect(self, read_up_to: str | None) -> ServiceMetrics:
        began = self._clock.monotonic()
        self._probe.check()
        round_trip = self._clock.monotonic() - began
        totals = self._series.totals()
        workers = self._heartbeats.alive("worker")
        return ServiceMetrics(
            by_status=self._statistics.by_status(),
            by_type=_limited(self._statistics.by_type(), totals.types),
            queues=self._by_queue(totals, workers),
            totals=totals,
            occurrences=self._statistics.occurrences(),
            workers=self._count_workers(workers),
            callbacks_pending=self._delivery_log.pending(),
            callbacks_due=self._delivery_log.due(),
            event_lag_seconds=self._event_stream.lag(read_up_to) if read_up_to else 0.0,
            capacity=self._probe.capacity(),
            round_trip_seconds=round_trip,
        )

    def _by_queue(
        self, totals: TaskTotals, workers: Sequence[Heartbeat]
    ) -> Mapping[str, QueueMetrics]:
        reports = report_queues(self._queues, self._store_clock, workers)
        shown = shown_names((report.state.name for report in reports), totals.queues)
        stored = self._statistics.by_queue()
        found: dict[str, QueueMetrics] = {}
        for report in reports:
            state = report.state
            metrics = QueueMetrics(
                stored=stored.get(state.name, 0),
                scheduled=state.scheduled,
                waiting=state.depth,
                processing=state.processing,
                oldest_waiting_seconds=report.oldest_waiting_seconds or 0.0,
                workers=report.workers,
                is_paused=state.paused,
            )
            place = state.name if state.name in shown else OTHER_NAME
            found[place] = _together(found[place], metrics) if place in found else metrics
        return found

    def _count_workers(self, workers: Sequence[Heartbeat]) -> WorkerMetrics:
        names = {beat.process.name for beat in workers}
        owners = self._leases.running()
        return WorkerMetrics(
            alive=len(workers),
            places=sum(
                beat.process.concurrency
                for beat in (*workers, *self._heartbeats.alive("io_pool"))
                if beat.process.name in names
            ),
            busy_places=sum(owner.rpartition(":")[0] in names for owner in owners),
            maintenance=len(self._heartbeats.alive("maintenance")),
        )


def _limited(numbers: Mapping[str, int], totals: Mapping[str, Total]) -> Mapping[str, int]:
    shown, found = shown_names(numbers, totals), Counter[str]()
    for name, number in numbers.items():
        found[name if name in shown else OTHER_NAME] += number
    return found


def _together(one: QueueMetrics, other: QueueMetrics) -> QueueMetrics:
    waiting = [each.workers for each in (one, other) if each.waiting]
    return QueueMetrics(
        stored=one.stored + other.stored,
        scheduled=one.scheduled + other.scheduled,
        waiting=one.waiting + other.waiting,
        processing=one.processing + other.processing,
        oldest_waiting_seconds=max(one.oldest_waiting_seconds, other.oldest_waiting_seconds),
        workers=min(waiting or [one.workers, other.workers]),
        is_paused=one.is_paused and other.is_paused,
    )
