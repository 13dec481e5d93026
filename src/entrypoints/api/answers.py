"""What answers look like: their schemas for the specification, and the functions that write them.

Tasks are written by application.task_serializer, since a schema that dumps them takes ten times as long; a test holds
the two to each other.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from flask import Response, json
from marshmallow import Schema, fields, validate

from application.ports.run import LogLine
from application.ports.task_handlers import TaskType
from application.ports.task_repository import PageRequest, TaskPage
from application.task_serializer import drop_none, instant, serialize_task
from application.use_cases.operations.get_statistics import TaskStatistics
from application.use_cases.operations.list_queues import QueueReport
from application.use_cases.operations.list_workers import WorkerReport
from domain.status import Status
from domain.task import Task
from domain.webhook import Delivery, DeliveryOutcome
from entrypoints.api.cooperation import paced
from entrypoints.api.fields import Instant, encode_cursor

LIST_PARTS = 2_000
"""A list of more elements is written in slices. The longest list of tasks has 1,000."""
ORIGINAL_TIME = {"pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$", "example": "2026-01-13 06:53:09"}


class TaskErrorAnswer(Schema):
    """Why a task is not COMPLETED."""

    code = fields.String(
        required=True,
        metadata={"description": "handler_error, timeout, worker_lost, expired or cancelled."},
    )
    message = fields.String(required=True, metadata={"description": "The cause, for people."})


class ProgressAnswer(Schema):
    """What the running work reports."""

    fraction = fields.Float(
        required=True,
        validate=validate.Range(0, 1),
        metadata={"description": "The share that is done, 0 to 1."},
    )
    message = fields.String(required=True, metadata={"description": "What is being done, for people."})


class LinksAnswer(Schema):
    """Relative URLs of the task."""

    self = fields.String(required=True, metadata={"description": "The task."})
    events = fields.String(required=True, metadata={"description": "Its stream of events."})


class RetryAnswer(Schema):
    """When a failed run is tried again."""

    max_attempts = fields.Integer(
        required=True, metadata={"description": "Number of runs that may fail before the task does."}
    )
    initial_delay = fields.Float(required=True, metadata={"description": "Seconds after the first failure."})
    factor = fields.Float(
        required=True, metadata={"description": "Each further delay is this many times the one before."}
    )
    max_delay = fields.Float(required=True, metadata={"description": "Seconds, before jitter."})
    jitter = fields.Float(
        required=True,
        metadata={"description": "The share by which a delay is longer or shorter at most."},
    )


class TaskAnswer(Schema):
    """A task. What is not set is left out."""

    task_id = fields.UUID(required=True, metadata={"description": "UUID, version 7."})
    task_name = fields.String(required=True, metadata={"description": "The caller's label."})
    type = fields.String(required=True, metadata={"description": "The kind of work."})
    duration = fields.Integer(metadata={"description": "Seconds; of the type sleep."})
    payload = fields.Dict(keys=fields.String(), metadata={"description": "The arguments of every other type."})
    status = fields.String(
        required=True,
        validate=validate.OneOf(list(Status)),
        metadata={"description": "COMPLETED, FAILED, CANCELLED and EXPIRED are final."},
    )
    submitted_at = fields.String(required=True, metadata={"description": "UTC.", **ORIGINAL_TIME})
    run_at = Instant(metadata={"description": "Not started before this time."})
    due_at = Instant(metadata={"description": "When a SCHEDULED task is queued."})
    expires_at = Instant(metadata={"description": "Expires if it has not started by this time."})
    started_at = Instant(metadata={"description": "Of the last run."})
    finished_at = Instant(metadata={"description": "When the task became final."})
    result = fields.Raw(metadata={"description": "Any JSON; when COMPLETED."})
    error = fields.Nested(TaskErrorAnswer, metadata={"description": "Why a final task has no result."})
    last_error = fields.Nested(
        TaskErrorAnswer,
        metadata={
            "description": "Why the latest failed or lost run ended, while the task waits for another run or has it."
        },
    )
    progress = fields.Nested(
        ProgressAnswer,
        metadata={"description": "What the running work reported last. Left out once COMPLETED."},
    )
    attempt = fields.Integer(
        required=True, metadata={"description": "How many runs have started, crashed ones included."}
    )
    max_attempts = fields.Integer(
        required=True, metadata={"description": "Number of runs that may fail before the task does."}
    )
    cancel_requested = fields.Boolean(metadata={"description": "True while a running task is being stopped."})
    queue = fields.String(required=True, metadata={"description": "The queue that it waits in."})
    priority = fields.Integer(required=True, metadata={"description": "0 to 9; 9 goes first."})
    labels = fields.Dict(
        required=True,
        keys=fields.String(),
        values=fields.String(),
        metadata={"description": "The caller's labels, for filtering."},
    )
    timeout = fields.Integer(required=True, metadata={"description": "Seconds that one run may take."})
    retry = fields.Nested(RetryAnswer, required=True, metadata={"description": "When a failed run is tried again."})
    queue_position = fields.Integer(metadata={"description": "While QUEUED: how many are in front, plus one."})
    callback_url = fields.String(metadata={"description": "Told when the task is final."})
    version = fields.Integer(required=True, metadata={"description": "Grows with every change."})
    omitted = fields.List(
        fields.String(validate=validate.OneOf(["payload", "result"])),
        metadata={"description": "In lists and events: members of more than 4 KiB that were left out."},
    )
    links = fields.Nested(LinksAnswer, required=True, metadata={"description": "Relative URLs of the task."})


class WarningAnswer(Schema):
    """Something odd about an accepted task."""

    code = fields.String(required=True, metadata={"description": "A stable word for programs: queue_unserved."})
    queue = fields.String(required=True, metadata={"description": "The queue that is meant."})
    message = fields.String(required=True, metadata={"description": "What is odd, for people."})


WARNINGS = {
    "description": "Left out unless something is odd: a queue that no worker has served for 30 seconds. The tasks are "
    "accepted all the same. 20 at most."
}


class SubmittedAnswer(TaskAnswer):
    """A task as it was accepted. What is not set is left out."""

    warnings = fields.List(fields.Nested(WarningAnswer), metadata=WARNINGS)


class PaginationAnswer(Schema):
    """With a cursor there is no number of the page; totals are left out where they are not known."""

    current_page = fields.Integer(metadata={"description": "The number of this page, from 1."})
    page_size = fields.Integer(required=True, metadata={"description": "Limit on the tasks of a page."})
    total_pages = fields.Integer(metadata={"description": "Number of pages."})
    total_tasks = fields.Integer(metadata={"description": "Number of tasks that match."})
    next_cursor = fields.String(metadata={"description": "Where to go on; left out at the end."})


class TaskListAnswer(Schema):
    """A page of tasks."""

    pagination = fields.Nested(PaginationAnswer, required=True, metadata={"description": "Which page this is."})
    tasks = fields.List(fields.Nested(TaskAnswer), required=True, metadata={"description": "The tasks of the page."})


class BatchAnswer(Schema):
    """The tasks of a batch."""

    tasks = fields.List(
        fields.Nested(TaskAnswer),
        required=True,
        metadata={"description": "In the order in which they were given."},
    )
    warnings = fields.List(fields.Nested(WarningAnswer), metadata=WARNINGS)


class ActionAnswer(Schema):
    """What an action did."""

    matched = fields.Integer(
        required=True, metadata={"description": "How many tasks were looked at: 10,000 a call at most."}
    )
    done = fields.Integer(
        required=True,
        metadata={"description": "To how many it was done: 0 with dry_run. The state of the others does not allow it."},
    )
    would_be_done = fields.Integer(metadata={"description": "With dry_run: to how many it would be done."})
    remaining = fields.Integer(
        required=True, metadata={"description": "At least so many more match: call again until it is 0."}
    )


class LogLineAnswer(Schema):
    """A line that a run logged."""

    time = Instant(required=True, metadata={"description": "When it was logged."})
    attempt = fields.Integer(required=True, metadata={"description": "The run that logged it, from 1."})
    message = fields.String(required=True, metadata={"description": "The text of the line."})


class LogAnswer(Schema):
    """The log of a task."""

    lines = fields.List(fields.Nested(LogLineAnswer), required=True, metadata={"description": "Oldest first."})


class DeliveryAnswer(Schema):
    """A try to tell the callback_url; status or error says how it went."""

    number = fields.Integer(required=True, metadata={"description": "Its number, from 1; resend takes it."})
    message_id = fields.String(
        required=True, metadata={"description": "Its webhook-id: the same for each try of a message."}
    )
    event = fields.String(required=True, metadata={"description": "The event that was told."})
    time = Instant(required=True, metadata={"description": "When it was tried."})
    status = fields.Integer(metadata={"description": "Of the answer, where there was one."})
    error = fields.String(metadata={"description": "Why there was none."})
    outcome = fields.String(
        required=True,
        validate=validate.OneOf(list(DeliveryOutcome)),
        metadata={"description": "What became of the message by this try."},
    )
    next_try = Instant(metadata={"description": "Left out when it was delivered or given up."})


class DeliveriesAnswer(Schema):
    """The deliveries of a task."""

    deliveries = fields.List(fields.Nested(DeliveryAnswer), required=True, metadata={"description": "Oldest first."})


class QueueAnswer(Schema):
    """A queue."""

    name = fields.String(required=True, metadata={"description": "Its name."})
    depth = fields.Integer(required=True, metadata={"description": "Tasks that wait to be started."})
    processing = fields.Integer(required=True, metadata={"description": "Tasks that run."})
    scheduled = fields.Integer(required=True, metadata={"description": "Tasks that wait for their time."})
    oldest_waiting_seconds = fields.Float(metadata={"description": "Left out when none waits."})
    paused = fields.Boolean(required=True, metadata={"description": "True when it starts no tasks."})
    workers = fields.Integer(
        required=True, metadata={"description": "Living workers that serve it; with 0 nothing starts."}
    )


class QueueListAnswer(Schema):
    """All queues."""

    queues = fields.List(fields.Nested(QueueAnswer), required=True, metadata={"description": "By name."})


class WorkerAnswer(Schema):
    """A worker that is alive."""

    name = fields.String(required=True, metadata={"description": "Its name, unique among workers."})
    host = fields.String(required=True, metadata={"description": "The machine that it runs on."})
    pid = fields.Integer(required=True, metadata={"description": "Its process id there."})
    queues = fields.List(fields.String(), required=True, metadata={"description": "The queues that it serves."})
    concurrency = fields.Integer(required=True, metadata={"description": "Number of tasks that it runs at once."})
    running = fields.List(fields.UUID(), required=True, metadata={"description": "The ids of the tasks that it runs."})
    last_heartbeat = Instant(required=True, metadata={"description": "When it was heard of last."})


class WorkerListAnswer(Schema):
    """All workers that are alive."""

    workers = fields.List(fields.Nested(WorkerAnswer), required=True, metadata={"description": "By name."})


class TypeAnswer(Schema):
    """A kind of work."""

    type = fields.String(required=True, metadata={"description": "Its name, as a task has it."})
    description = fields.String(required=True, metadata={"description": "What it does."})
    payload_schema = fields.Dict(
        required=True, keys=fields.String(), metadata={"description": "JSON Schema of the payload."}
    )


class TypeListAnswer(Schema):
    """All kinds of work that this installation knows."""

    types = fields.List(fields.Nested(TypeAnswer), required=True, metadata={"description": "By name."})


class PercentilesAnswer(Schema):
    """Seconds; left out when no task has finished."""

    p50 = fields.Float(metadata={"description": "Half took at most so long."})
    p95 = fields.Float(metadata={"description": "95 % took at most so long."})
    p99 = fields.Float(metadata={"description": "99 % took at most so long."})


class MinuteAnswer(Schema):
    """One minute of the last hour."""

    begins_at = Instant(required=True, metadata={"description": "Its first moment."})
    submitted = fields.Integer(required=True, metadata={"description": "Tasks submitted in it."})
    completed = fields.Integer(required=True, metadata={"description": "Tasks COMPLETED in it."})
    failed = fields.Integer(required=True, metadata={"description": "Tasks FAILED in it."})


class StatsAnswer(Schema):
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
        fields.Nested(MinuteAnswer),
        required=True,
        metadata={"description": "60 minutes, the present one last."},
    )
    sample = fields.Integer(
        required=True,
        metadata={"description": "Of how many tasks that finished last the times are."},
    )
    wait_seconds = fields.Nested(
        PercentilesAnswer,
        required=True,
        metadata={"description": "How long tasks waited to be started."},
    )
    run_seconds = fields.Nested(PercentilesAnswer, required=True, metadata={"description": "How long runs took."})


def answer(members: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(_text(members), status, headers, mimetype="application/json")


def _text(members: Mapping[str, Any]) -> str:
    """Return JSON. Other requests may run between the elements of a list."""
    if not any(isinstance(value, list) for value in members.values()):
        return json.dumps(members)
    texts = {
        name: _list_text(value) if isinstance(value, list) else json.dumps(value) for name, value in members.items()
    }
    return f"{{{', '.join(f'{json.dumps(name)}: {text}' for name, text in texts.items())}}}"


def _list_text(values: list[Any]) -> str:
    """Return JSON. Write up to LIST_PARTS elements one by one, and slices of a longer list.

    A result may have 350,000 numbers, for which a call each takes 1.5 s instead of 0.03 s.
    """
    size = max(len(values) // LIST_PARTS, 1)
    parts = (json.dumps(values[at : at + size])[1:-1] for at in paced(range(0, len(values), size)))
    return f"[{', '.join(parts)}]"


def serialize_page(page: TaskPage, window: PageRequest, positions: Mapping[str, int]) -> dict[str, Any]:
    """A list as TaskListAnswer says."""
    return {
        "pagination": pagination(page, window),
        "tasks": [serialize_task(task, positions.get(task.task_id)) for task in page.tasks],
    }


def page_parts(
    page: TaskPage, window: PageRequest, positions: Mapping[str, int], tasks: Iterable[Task]
) -> Iterator[bytes]:
    """Yield the text of a list as TaskListAnswer says, a task at a time."""
    yield f'{{"pagination": {json.dumps(pagination(page, window))}, "tasks": ['.encode()
    separator = ""
    for task in tasks:
        members = serialize_task(task, positions.get(task.task_id))
        yield f"{separator}{json.dumps(members)}".encode()
        separator = ", "
    yield b"]}"


def pagination(page: TaskPage, window: PageRequest) -> dict[str, Any]:
    size = window.limit
    known = page.total is not None and window.after is None
    members = {
        "current_page": window.offset // size + 1 if window.after is None else None,
        "page_size": size,
        "total_pages": -(-page.total // size) if known and page.total is not None else None,
        "total_tasks": page.total if known else None,
        "next_cursor": next_cursor(page, window),
    }
    return drop_none(members)


def next_cursor(page: TaskPage, window: PageRequest) -> str | None:
    return encode_cursor(page.next, newest_first=window.newest_first) if page.next else None


def serialize_log_line(line: LogLine) -> dict[str, Any]:
    return {"time": instant(line.at), "attempt": line.attempt, "message": line.message}


def serialize_delivery(delivery: Delivery) -> dict[str, Any]:
    attempt = delivery.attempt
    members = {
        "number": delivery.number,
        "message_id": delivery.message_id,
        "event": delivery.event,
        "time": instant(attempt.at),
        "status": attempt.status,
        "error": attempt.error,
        "outcome": attempt.outcome,
        "next_try": instant(attempt.next_at),
    }
    return drop_none(members)


def serialize_queue(report: QueueReport) -> dict[str, Any]:
    state = report.state
    members = {
        "name": state.name,
        "depth": state.depth,
        "processing": state.processing,
        "scheduled": state.scheduled,
        "oldest_waiting_seconds": report.oldest_waiting_seconds,
        "paused": state.paused,
        "workers": report.workers,
    }
    return drop_none(members)


def serialize_worker(report: WorkerReport) -> dict[str, Any]:
    process = report.heartbeat.process
    return {
        "name": process.name,
        "host": process.host,
        "pid": process.pid,
        "queues": list(process.queues),
        "concurrency": process.concurrency,
        "running": list(report.running),
        "last_heartbeat": instant(report.heartbeat.at),
    }


def serialize_type(type: TaskType) -> dict[str, Any]:
    return {"type": type.name, "description": type.description, "payload_schema": dict(type.payload_schema)}


def serialize_statistics(measures: TaskStatistics) -> dict[str, Any]:
    return {
        "total": sum(measures.by_status.values()),
        "by_status": {status.value: number for status, number in measures.by_status.items()},
        "by_type": dict(measures.by_type),
        "by_queue": dict(measures.by_queue),
        "last_hour": [
            {
                "begins_at": instant(minute.begins_at),
                "submitted": minute.submitted,
                "completed": minute.completed,
                "failed": minute.failed,
            }
            for minute in measures.last_hour
        ],
        "sample": measures.sample,
        "wait_seconds": {f"p{share}": seconds for share, seconds in measures.wait_seconds.items()},
        "run_seconds": {f"p{share}": seconds for share, seconds in measures.run_seconds.items()},
    }


def listed(name: str, items: Sequence[Mapping[str, Any]]) -> Response:
    return answer({name: list(items)})
