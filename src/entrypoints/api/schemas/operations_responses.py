"""Schemas of responses about queues, workers, types of tasks, statistics and health."""

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, validate

from domain.task_spec import IO, PROCESS
from entrypoints.api.schemas.fields import Instant, Seconds
from entrypoints.api.schemas.response_schema import ResponseSchema


class QueueResponse(ResponseSchema):
    """A queue."""

    name = fields.String(
        required=True, attribute="state.name", metadata={"description": "Name of the queue."}
    )
    depth = fields.Integer(
        required=True,
        attribute="state.depth",
        metadata={"description": "Number of QUEUED tasks."},
    )
    io_depth = fields.Integer(
        required=True,
        attribute="state.io_depth",
        metadata={
            "description": "Number of the QUEUED tasks that wait for an I/O pool; the others wait "
            "for a process of their own. Each kind has an order of its own."
        },
    )
    processing = fields.Integer(
        required=True,
        attribute="state.processing",
        metadata={"description": "Number of running tasks."},
    )
    scheduled = fields.Integer(
        required=True,
        attribute="state.scheduled",
        metadata={"description": "Number of SCHEDULED tasks."},
    )
    oldest_waiting_seconds = Seconds(
        metadata={
            "description": "Seconds that the oldest QUEUED task has waited; absent when none waits."
        }
    )
    paused = fields.Boolean(
        required=True,
        attribute="state.paused",
        metadata={"description": "True when the queue is paused and starts no tasks."},
    )
    workers = fields.Integer(
        required=True,
        metadata={"description": "Number of living workers that serve it; with 0 nothing starts."},
    )


class QueueListResponse(ResponseSchema):
    """All queues."""

    queues = fields.List(
        fields.Nested(QueueResponse),
        required=True,
        metadata={"description": "The queues, sorted by name."},
    )


class WorkerResponse(ResponseSchema):
    """A worker that is alive."""

    name = fields.String(
        required=True,
        attribute="heartbeat.process.name",
        metadata={"description": "Name of the worker, unique among workers."},
    )
    host = fields.String(
        required=True,
        attribute="heartbeat.process.host",
        metadata={"description": "The machine that it runs on."},
    )
    pid = fields.Integer(
        required=True,
        attribute="heartbeat.process.pid",
        metadata={"description": "Its process id on that machine."},
    )
    queues = fields.List(
        fields.String(),
        required=True,
        attribute="heartbeat.process.queues",
        metadata={"description": "The queues that it serves."},
    )
    concurrency = fields.Integer(
        required=True,
        attribute="heartbeat.process.concurrency",
        metadata={"description": "Number of tasks that it runs at once in processes of their own."},
    )
    io_concurrency = fields.Integer(
        required=True,
        metadata={
            "description": "Number of tasks that its I/O pool runs at once; 0 without a pool."
        },
    )
    io_running = fields.Integer(
        required=True,
        metadata={"description": "Number of the running tasks that are in its I/O pool."},
    )
    running = fields.List(
        fields.UUID(),
        required=True,
        metadata={"description": "Ids of the tasks that it is running."},
    )
    last_heartbeat = Instant(
        required=True,
        attribute="heartbeat.at",
        metadata={"description": "Time of its last heartbeat."},
    )


class WorkerListResponse(ResponseSchema):
    """All workers that are alive."""

    workers = fields.List(
        fields.Nested(WorkerResponse),
        required=True,
        metadata={"description": "The workers, sorted by name."},
    )


class TypeResponse(ResponseSchema):
    """A type of task."""

    type = fields.String(
        required=True, attribute="name", metadata={"description": "Name of the type."}
    )
    description = fields.String(
        required=True, metadata={"description": "What tasks of this type do."}
    )
    pool = fields.String(
        required=True,
        validate=validate.OneOf([PROCESS, IO]),
        metadata={
            "description": "What runs its tasks: io, many at once in one process, or process, each "
            "in a process of its own."
        },
    )
    payload_schema = fields.Dict(
        required=True, keys=fields.String(), metadata={"description": "JSON Schema of the payload."}
    )


class TypeListResponse(ResponseSchema):
    """All types of tasks that this installation knows."""

    types = fields.List(
        fields.Nested(TypeResponse),
        required=True,
        metadata={"description": "The types, sorted by name."},
    )


class PercentilesResponse(ResponseSchema):
    """Percentiles in seconds; absent while no task has finished."""

    p50 = Seconds(metadata={"description": "50 % took at most this long."})
    p95 = Seconds(metadata={"description": "95 % took at most this long."})
    p99 = Seconds(metadata={"description": "99 % took at most this long."})

    def get_attribute(self, obj: Mapping[int, float], attr: str, default: Any) -> Any:
        """Return the value of a percentile such as p50 from values by percent."""
        return obj.get(int(attr.removeprefix("p")), default)


class MinuteResponse(ResponseSchema):
    """One minute of the last hour."""

    begins_at = Instant(required=True, metadata={"description": "Start of the minute."})
    submitted = fields.Integer(
        required=True, metadata={"description": "Number of tasks submitted in it."}
    )
    completed = fields.Integer(
        required=True, metadata={"description": "Number of tasks that became COMPLETED in it."}
    )
    failed = fields.Integer(
        required=True, metadata={"description": "Number of tasks that became FAILED in it."}
    )


class StoreResponse(ResponseSchema):
    """How full the store is."""

    used_memory = fields.Integer(
        required=True, metadata={"description": "Bytes of memory that Redis uses."}
    )
    max_memory = fields.Integer(
        required=True, metadata={"description": "Limit in bytes; 0 means none."}
    )
    is_full = fields.Boolean(
        required=True,
        metadata={"description": "New tasks are refused, because memory or disk is full."},
    )


class StatsResponse(ResponseSchema):
    """Numbers and times of the tasks."""

    total = fields.Integer(required=True, metadata={"description": "Number of all tasks."})
    by_status = fields.Dict(
        required=True,
        keys=fields.String(),
        values=fields.Integer(),
        metadata={"description": "Number of tasks by status."},
    )
    by_type = fields.Dict(
        required=True,
        keys=fields.String(),
        values=fields.Integer(),
        metadata={"description": "Number of tasks by type."},
    )
    by_queue = fields.Dict(
        required=True,
        keys=fields.String(),
        values=fields.Integer(),
        metadata={"description": "Number of tasks by queue."},
    )
    last_hour = fields.List(
        fields.Nested(MinuteResponse),
        required=True,
        metadata={"description": "The last 60 minutes; the current minute comes last."},
    )
    sample = fields.Integer(
        required=True,
        metadata={"description": "Number of recently finished tasks that the percentiles cover."},
    )
    wait_seconds = fields.Nested(
        PercentilesResponse,
        required=True,
        metadata={"description": "How long tasks waited to be started."},
    )
    run_seconds = fields.Nested(
        PercentilesResponse, required=True, metadata={"description": "How long runs took."}
    )
    store = fields.Nested(
        StoreResponse, required=True, metadata={"description": "How full the store is."}
    )


class ProbeResponse(ResponseSchema):
    """The result of a successful probe."""

    status = fields.String(required=True, metadata={"description": "alive or ready."})
