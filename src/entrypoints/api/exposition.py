"""The metrics, as prometheus_client takes them: their names, descriptions and samples."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any

from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

from application.ports.statistics import Occurrence
from application.series import GROWTH, MAX_BUCKET, Counted, total_seconds
from application.task_totals import OTHER_NAME, Total
from application.use_cases.operations.collect_metrics import QueueMetrics, ServiceMetrics
from entrypoints.api.concurrency.cooperation import paced
from entrypoints.api.traffic import BOUNDS, TrafficReading

EDGES = range(0, 85, 4)
"""Buckets of `application.series` at whose end one of the exposition ends."""
LIMITS = [float(f"{GROWTH**edge / 1000:.4g}") for edge in EDGES]
"""Their ends in seconds, from a millisecond to a day and a half, each 2.44 times the one before."""
ENDED = (Counted.COMPLETED, Counted.FAILED, Counted.CANCELLED, Counted.EXPIRED)
CALLBACKS = {
    "delivered": Occurrence.CALLBACK_DELIVERED,
    "retried": Occurrence.CALLBACK_RETRIED,
    "given_up": Occurrence.CALLBACK_GIVEN_UP,
}
DURATIONS: Mapping[str, tuple[str, str, Callable[[Total], Counter[int]]]] = {
    "queue": (
        "queue_wait_seconds",
        "Time from submission, or the time when a task was due, to the start of its last run",
        lambda total: total.wait,
    ),
    "type": ("type_run_seconds", "Duration of the last run of a task", lambda total: total.run),
}
"""The durations that are counted by queue and by type: name, description, and where they are."""
PREFIX = "task_manager_"

Row = tuple[dict[str, str], float]
"""The labels and value of a sample."""
Histogram = tuple[dict[str, str], Iterable[int], float]
"""The labels of a histogram, the number in each of its buckets, and the sum of its values."""


def exposition(metrics: ServiceMetrics | None, traffic: TrafficReading) -> Iterator[Metric]:
    """Yield all metrics. Without those of the store, it is down."""
    up = _gauge("redis_up", "1 if Redis replies, 0 if not.", [({}, int(metrics is not None))])
    yield up
    yield from _http(traffic)
    if metrics:
        yield from _tasks(metrics)
        yield from _queues(metrics.queues)
        yield from _totals("queue", metrics.totals.queues)
        yield from _totals("type", metrics.totals.types)
        yield from _processes(metrics)
        yield from _store(metrics)


def _http(traffic: TrafficReading) -> Iterator[Metric]:
    yield _counter(
        "http_requests",
        "HTTP requests by route, method and status of the response.",
        (
            ({"route": each.route, "method": each.method, "status": status}, number)
            for each in traffic.routes
            for status, number in each.by_status.items()
        ),
    )
    yield _histogram(
        "http_request_seconds",
        "Time from the head of a request to the head of the response, or to the whole response if "
        "that is made at once.",
        BOUNDS,
        (
            ({"route": each.route, "method": each.method}, each.buckets, each.seconds)
            for each in traffic.routes
        ),
    )
    yield _counter(
        "refusals",
        "Responses that are problems, by code. GET /problems/<code> explains each.",
        (({"code": code}, number) for code, number in traffic.problems.items()),
    )


def _tasks(metrics: ServiceMetrics) -> Iterator[Metric]:
    occurrences = metrics.occurrences
    yield _gauge(
        "tasks",
        "Stored tasks by status.",
        (({"status": status}, number) for status, number in metrics.by_status.items()),
    )
    yield _gauge(
        "type_tasks",
        "Stored tasks of any status by type.",
        (({"type": name}, number) for name, number in metrics.by_type.items()),
    )
    for name, help, what in (
        ("runs_started", "Runs of tasks that were started.", Occurrence.RUN_STARTED),
        (
            "runs_lost",
            "Runs that crashed: their process died or their lease expired.",
            Occurrence.RUN_LOST,
        ),
        (
            "leases_lost",
            "Runs that maintenance recovered because their lease had expired.",
            Occurrence.LEASE_LOST,
        ),
    ):
        yield _counter(name, help, [({}, occurrences[what])])
    yield _counter(
        "callback_attempts",
        "Attempts to deliver a callback by outcome.",
        (({"outcome": name}, occurrences[what]) for name, what in CALLBACKS.items()),
    )


def _queues(queues: Mapping[str, QueueMetrics]) -> Iterator[Metric]:
    yield _gauge(
        "queue_tasks",
        "Tasks of a queue that wait for their time, wait for a worker, or run.",
        (
            ({"queue": name, "status": status}, number)
            for name, each in queues.items()
            for status, number in (
                ("SCHEDULED", each.scheduled),
                ("QUEUED", each.waiting),
                ("PROCESSING", each.processing),
            )
        ),
    )
    parts: tuple[tuple[str, str, Callable[[QueueMetrics], float]], ...] = (
        ("tasks_stored", "Stored tasks of a queue, of any status.", lambda each: each.stored),
        (
            "oldest_waiting_seconds",
            "Time for which the oldest waiting task of a queue has waited; 0 if none waits.",
            lambda each: each.oldest_waiting_seconds,
        ),
        ("workers", "Living workers that serve a queue.", lambda each: each.workers),
        ("paused", "1 if a queue is paused, 0 if not.", lambda each: int(each.is_paused)),
    )
    for part, help, number in parts:
        rows = (({"queue": name}, number(each)) for name, each in queues.items())
        yield _gauge(f"queue_{part}", help, rows)


def _totals(label: str, totals: Mapping[str, Total]) -> Iterator[Metric]:
    """Yield what was counted by queue or type. `label` is `queue` or `type`."""
    named = [({label: name or OTHER_NAME}, total) for name, total in sorted(totals.items())]
    for name, help, what in (
        ("tasks_submitted", "Submitted tasks", Counted.SUBMITTED),
        (
            "runs_retried",
            "Runs that failed or crashed and were followed by another",
            Counted.RETRIED,
        ),
    ):
        rows = ((labels, total.of[what]) for labels, total in named)
        yield _counter(f"{label}_{name}", f"{help}, by {label}.", rows)
    yield _counter(
        f"{label}_tasks_ended",
        f"Tasks that became final, by {label} and status.",
        (
            ({**labels, "status": what.value.upper()}, total.of[what])
            for labels, total in named
            for what in ENDED
        ),
    )
    name, help, durations_of = DURATIONS[label]
    durations = ((labels, durations_of(total)) for labels, total in named)
    yield _histogram(
        name,
        f"{help}, counted when it ends. The sum is estimated from the buckets.",
        LIMITS,
        ((labels, _numbers(each), total_seconds(each)) for labels, each in durations),
    )


def _processes(metrics: ServiceMetrics) -> Iterator[Metric]:
    workers = metrics.workers
    for name, help, number in (
        ("workers", "Living workers.", workers.alive),
        ("worker_places", "Tasks that all living workers run at a time.", workers.places),
        ("worker_places_busy", "Places of living workers that run a task.", workers.busy_places),
        ("maintenance_processes", "Living maintenance processes.", workers.maintenance),
        ("callbacks_pending", "Callbacks that are not delivered yet.", metrics.callbacks_pending),
        ("callbacks_due", "Callbacks that wait for an attempt that is due.", metrics.callbacks_due),
        (
            "events_lag_seconds",
            "Age of the first event that the slowest process of the API has not delivered yet.",
            metrics.event_lag_seconds,
        ),
    ):
        yield _gauge(name, help, [({}, number)])


def _store(metrics: ServiceMetrics) -> Iterator[Metric]:
    capacity = metrics.capacity
    for name, help, number in (
        ("memory_bytes", "Memory that Redis uses.", capacity.used_memory),
        ("memory_limit_bytes", "Limit on the memory of Redis; 0 for none.", capacity.max_memory),
        ("round_trip_seconds", "Time of one round trip to Redis.", metrics.round_trip_seconds),
    ):
        yield _gauge(f"redis_{name}", help, [({}, number)])


def _gauge(name: str, help: str, rows: Iterable[Row]) -> Metric:
    return _metric(name, help, "gauge", (("", labels, value) for labels, value in rows))


def _counter(name: str, help: str, rows: Iterable[Row]) -> Metric:
    return _metric(name, help, "counter", (("_total", labels, value) for labels, value in rows))


def _histogram(
    name: str, help: str, limits: Iterable[float], histograms: Iterable[Histogram]
) -> Metric:
    bounds = [*map(str, limits), "+Inf"]

    def samples() -> Iterator[tuple[str, dict[str, str], float]]:
        for labels, numbers, total in histograms:
            reached = 0
            for bound, reached in zip(bounds, accumulate(numbers), strict=True):
                yield "_bucket", {**labels, "le": bound}, reached
            yield "_count", labels, reached
            yield "_sum", labels, total

    return _metric(name, help, "histogram", samples())


def _metric(
    name: str, help: str, kind: str, samples: Iterable[tuple[str, dict[str, str], float]]
) -> Metric:
    """Return a metric whose samples are made one at a time, and others run in between."""
    metric = Metric(PREFIX + name, help, kind)
    full = PREFIX + name
    made: Any = paced(Sample(full + end, labels, value) for end, labels, value in samples)
    metric.samples = made  # its type is that of a list, but a writer only iterates over it once
    return metric


def _numbers(histogram: Mapping[int, int]) -> Iterator[int]:
    """Yield the numbers of durations up to each limit, and of longer ones."""
    first = 0
    for edge in (*EDGES, MAX_BUCKET):
        yield sum(histogram.get(bucket, 0) for bucket in range(first, edge + 1))
        first = edge + 1
