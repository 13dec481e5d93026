"""The responses of the API about the service: queues, workers, types and statistics."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from task_manager_client.models import Model

SpanName = Literal["5m", "60m", "2h", "24h", "7d", "14d"]
SeriesName = Literal["queue", "type"]


@dataclass(frozen=True, kw_only=True)
class Queue(Model):
    """A queue: `depth` tasks wait in it."""

    name: str
    depth: int
    processing: int
    scheduled: int
    paused: bool
    workers: int
    oldest_waiting_seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Queues(Model):
    """All queues."""

    queues: tuple[Queue, ...]


@dataclass(frozen=True, kw_only=True)
class Scaling(Model):
    """The number of tasks that the workers of a queue should run at a time, together.

    `backlog` tasks wait in it. `idle_workers` serve it and run nothing.
    """

    desired_places: int
    backlog: int
    oldest_waiting_seconds: float
    idle_workers: int


@dataclass(frozen=True, kw_only=True)
class Worker(Model):
    """A living worker. `running` are the ids of the tasks that it runs."""

    name: str
    host: str
    pid: int
    queues: tuple[str, ...]
    concurrency: int
    running: tuple[str, ...]
    last_heartbeat: datetime


@dataclass(frozen=True, kw_only=True)
class Workers(Model):
    """All living workers."""

    workers: tuple[Worker, ...]


@dataclass(frozen=True, kw_only=True)
class TaskType(Model):
    """A type of task, with the JSON Schema of its payload."""

    type: str
    description: str
    payload_schema: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class TaskTypes(Model):
    """All types of task that the service knows."""

    types: tuple[TaskType, ...]


@dataclass(frozen=True, kw_only=True)
class Minute(Model):
    """The numbers of one minute of the last hour."""

    begins_at: datetime
    submitted: int
    completed: int
    failed: int


@dataclass(frozen=True, kw_only=True)
class Percentiles(Model):
    """Percentiles in seconds. None while no task has finished."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


@dataclass(frozen=True, kw_only=True)
class StoreUse(Model):
    """How full the store is, in bytes. `max_memory` is 0 without a limit.

    If `is_full`, new tasks are refused.
    """

    used_memory: int
    max_memory: int
    is_full: bool


@dataclass(frozen=True, kw_only=True)
class Statistics(Model):
    """Numbers and times of the tasks. The percentiles are those of `sample` finished tasks."""

    total: int
    by_status: Mapping[str, int]
    by_type: Mapping[str, int]
    by_queue: Mapping[str, int]
    last_hour: tuple[Minute, ...]
    sample: int
    wait_seconds: Percentiles
    run_seconds: Percentiles
    store: StoreUse


@dataclass(frozen=True, kw_only=True)
class TaskCounts(Model):
    """Numbers of tasks by status. If `exact` is false, numbers are missing."""

    by_status: Mapping[str, int]
    exact: bool


@dataclass(frozen=True, kw_only=True)
class TimeSeries(Model):
    """The numbers of each step, of one queue or type, or of several without a name.

    Values are None where nothing is known. Wait and run times are in seconds.
    """

    submitted: tuple[int, ...]
    completed: tuple[int, ...]
    failed: tuple[int, ...]
    cancelled: tuple[int, ...]
    expired: tuple[int, ...]
    retried: tuple[int, ...]
    backlog: tuple[float | None, ...]
    wait_p50: tuple[float | None, ...]
    wait_p95: tuple[float | None, ...]
    run_p50: tuple[float | None, ...]
    run_p95: tuple[float | None, ...]
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Series(Model):
    """Statistics over time: one value for each step of `begins_at`, the last of which goes on."""

    step_seconds: int
    begins_at: tuple[datetime, ...]
    total: TimeSeries
    series: tuple[TimeSeries, ...]
    others: TimeSeries | None = None


@dataclass(frozen=True, kw_only=True)
class Probe(Model):
    """The result of a successful probe."""

    status: str
