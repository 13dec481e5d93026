"""What answers look like: their schemas for the specification, and the functions that write them.

Tasks are written by application.public_task, since a schema that dumps them takes ten times as long; a test holds the
two to each other.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from flask import Response, json
from marshmallow import Schema, fields, validate

from application.ports.run_reports import LogLine
from application.ports.task_handlers import TaskType
from application.ports.task_repository import TaskPage, Window
from application.public_task import instant, present, task_members
from application.use_cases.list_queues import QueueReport
from application.use_cases.list_workers import WorkerReport
from application.use_cases.measure_tasks import Measures
from domain.callback import Delivery, Outcome
from domain.status import Status
from domain.task import Task
from entrypoints.api.bodies import RetryBody
from entrypoints.api.cooperation import paced
from entrypoints.api.fields import Instant, cursor

ORIGINAL_TIME = {"pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$", "example": "2026-01-13 06:53:09"}


class TaskErrorAnswer(Schema):
    code = fields.String(metadata={"description": "handler_error, timeout, worker_lost, expired or cancelled."})
    message = fields.String()


class ProgressAnswer(Schema):
    fraction = fields.Float(validate=validate.Range(0, 1))
    message = fields.String()


class LinksAnswer(Schema):
    self = fields.String()
    events = fields.String()


class TaskAnswer(Schema):
    """A task. What is not set is left out."""

    task_id = fields.UUID()
    task_name = fields.String()
    type = fields.String()
    duration = fields.Integer(metadata={"description": "Seconds; of the type sleep."})
    payload = fields.Dict(keys=fields.String(), metadata={"description": "The arguments of every other type."})
    status = fields.String(validate=validate.OneOf(list(Status)))
    submitted_at = fields.String(metadata={"description": "UTC.", **ORIGINAL_TIME})
    run_at = Instant()
    due_at = Instant(metadata={"description": "When a SCHEDULED task is queued."})
    expires_at = Instant()
    started_at = Instant(metadata={"description": "Of the last run."})
    finished_at = Instant()
    result = fields.Raw(metadata={"description": "Any JSON; when COMPLETED."})
    error = fields.Nested(TaskErrorAnswer, metadata={"description": "Why a final task has no result."})
    last_error = fields.Nested(
        TaskErrorAnswer,
        metadata={
            "description": "Why the latest failed or lost run ended, while the task waits for another run or has it."
        },
    )
    progress = fields.Nested(ProgressAnswer, metadata={"description": "Left out once the task is COMPLETED."})
    attempt = fields.Integer(metadata={"description": "How many runs have started, crashed ones included."})
    max_attempts = fields.Integer()
    cancel_requested = fields.Boolean()
    queue = fields.String()
    priority = fields.Integer()
    labels = fields.Dict(keys=fields.String(), values=fields.String())
    timeout = fields.Integer(metadata={"description": "Seconds that one run may take."})
    retry = fields.Nested(RetryBody)
    queue_position = fields.Integer(metadata={"description": "While QUEUED: how many are in front, plus one."})
    callback_url = fields.String(metadata={"description": "Told when the task is final."})
    version = fields.Integer(metadata={"description": "Grows with every change."})
    omitted = fields.List(
        fields.String(validate=validate.OneOf(["payload", "result"])),
        metadata={"description": "In lists and events: members of more than 4 KiB that were left out."},
    )
    links = fields.Nested(LinksAnswer)


class WarningAnswer(Schema):
    code = fields.String(metadata={"description": "A stable word for programs: queue_unserved."})
    queue = fields.String()
    message = fields.String()


WARNINGS = {
    "description": "Left out unless something is odd: a queue that no worker has served for 30 seconds. The tasks are "
    "accepted all the same. 20 at most."
}


class SubmittedAnswer(TaskAnswer):
    """A task as it was accepted. What is not set is left out."""

    warnings = fields.List(fields.Nested(WarningAnswer), metadata=WARNINGS)


class PaginationAnswer(Schema):
    """With a cursor there is no number of the page; totals are left out where they are not known."""

    current_page = fields.Integer()
    page_size = fields.Integer()
    total_pages = fields.Integer()
    total_tasks = fields.Integer()
    next_cursor = fields.String(metadata={"description": "Where to go on; left out at the end."})


class TaskListAnswer(Schema):
    pagination = fields.Nested(PaginationAnswer)
    tasks = fields.List(fields.Nested(TaskAnswer))


class BatchAnswer(Schema):
    tasks = fields.List(fields.Nested(TaskAnswer))
    warnings = fields.List(fields.Nested(WarningAnswer), metadata=WARNINGS)


class ActionAnswer(Schema):
    matched = fields.Integer(metadata={"description": "How many tasks were looked at: 10,000 a call at most."})
    done = fields.Integer(
        metadata={"description": "To how many it was done: 0 with dry_run. The state of the others does not allow it."}
    )
    would_be_done = fields.Integer(metadata={"description": "With dry_run: to how many it would be done."})
    remaining = fields.Integer(metadata={"description": "At least so many more match: call again until it is 0."})


class LogLineAnswer(Schema):
    time = Instant()
    attempt = fields.Integer()
    message = fields.String()


class LogAnswer(Schema):
    lines = fields.List(fields.Nested(LogLineAnswer))


class DeliveryAnswer(Schema):
    """A try to tell the callback_url; status or error says how it went."""

    number = fields.Integer()
    message_id = fields.String(metadata={"description": "Its webhook-id: the same for each try of a message."})
    event = fields.String()
    time = Instant()
    status = fields.Integer(metadata={"description": "Of the answer, where there was one."})
    error = fields.String(metadata={"description": "Why there was none."})
    outcome = fields.String(
        validate=validate.OneOf(list(Outcome)), metadata={"description": "What became of the message by this try."}
    )
    next_try = Instant(metadata={"description": "Left out when it was delivered or given up."})


class DeliveriesAnswer(Schema):
    deliveries = fields.List(fields.Nested(DeliveryAnswer))


class QueueAnswer(Schema):
    name = fields.String()
    depth = fields.Integer(metadata={"description": "Tasks that wait to be started."})
    processing = fields.Integer()
    scheduled = fields.Integer()
    oldest_waiting_seconds = fields.Float(metadata={"description": "Left out when none waits."})
    paused = fields.Boolean()
    workers = fields.Integer(metadata={"description": "Living workers that serve it; with 0 nothing starts."})


class QueueListAnswer(Schema):
    queues = fields.List(fields.Nested(QueueAnswer))


class WorkerAnswer(Schema):
    name = fields.String()
    host = fields.String()
    pid = fields.Integer()
    queues = fields.List(fields.String())
    concurrency = fields.Integer()
    running = fields.List(fields.UUID(), metadata={"description": "The ids of the tasks that it runs."})
    last_heartbeat = Instant()


class WorkerListAnswer(Schema):
    workers = fields.List(fields.Nested(WorkerAnswer))


class TypeAnswer(Schema):
    type = fields.String()
    description = fields.String()
    payload_schema = fields.Dict(metadata={"description": "JSON Schema of the payload."})


class TypeListAnswer(Schema):
    types = fields.List(fields.Nested(TypeAnswer))


class PercentilesAnswer(Schema):
    """Seconds; left out when no task has finished."""

    p50 = fields.Float()
    p95 = fields.Float()
    p99 = fields.Float()


class MinuteAnswer(Schema):
    begins_at = Instant()
    submitted = fields.Integer()
    completed = fields.Integer()
    failed = fields.Integer()


class StatsAnswer(Schema):
    total = fields.Integer()
    by_status = fields.Dict(keys=fields.String(), values=fields.Integer())
    by_type = fields.Dict(keys=fields.String(), values=fields.Integer())
    by_queue = fields.Dict(keys=fields.String(), values=fields.Integer())
    last_hour = fields.List(fields.Nested(MinuteAnswer), metadata={"description": "60 minutes, the present one last."})
    sample = fields.Integer(metadata={"description": "Of how many tasks that finished last the times are."})
    wait_seconds = fields.Nested(PercentilesAnswer)
    run_seconds = fields.Nested(PercentilesAnswer)


def answer(members: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(_text(members), status, headers, mimetype="application/json")


def _text(members: Mapping[str, Any]) -> str:
    """Return JSON. Other requests may run between the elements of a list."""
    if not any(isinstance(value, list) for value in members.values()):
        return json.dumps(members)
    texts = {
        name: f"[{', '.join(map(json.dumps, paced(value)))}]" if isinstance(value, list) else json.dumps(value)
        for name, value in members.items()
    }
    return f"{{{', '.join(f'{json.dumps(name)}: {text}' for name, text in texts.items())}}}"


def page_members(page: TaskPage, window: Window, positions: Mapping[str, int]) -> dict[str, Any]:
    """A list as TaskListAnswer says."""
    return {
        "pagination": pagination(page, window),
        "tasks": [task_members(task, positions.get(task.task_id)) for task in page.tasks],
    }


def page_parts(page: TaskPage, window: Window, positions: Mapping[str, int], tasks: Iterable[Task]) -> Iterator[bytes]:
    """Yield the text of a list as TaskListAnswer says, a task at a time."""
    yield f'{{"pagination": {json.dumps(pagination(page, window))}, "tasks": ['.encode()
    separator = ""
    for task in tasks:
        members = task_members(task, positions.get(task.task_id))
        yield f"{separator}{json.dumps(members)}".encode()
        separator = ", "
    yield b"]}"


def pagination(page: TaskPage, window: Window) -> dict[str, Any]:
    size = window.limit
    known = page.total is not None and window.after is None
    members = {
        "current_page": window.offset // size + 1 if window.after is None else None,
        "page_size": size,
        "total_pages": -(-page.total // size) if known and page.total is not None else None,
        "total_tasks": page.total if known else None,
        "next_cursor": next_cursor(page, window),
    }
    return present(members)


def next_cursor(page: TaskPage, window: Window) -> str | None:
    return cursor(page.next, newest_first=window.newest_first) if page.next else None


def line_members(line: LogLine) -> dict[str, Any]:
    return {"time": instant(line.at), "attempt": line.attempt, "message": line.message}


def delivery_members(delivery: Delivery) -> dict[str, Any]:
    tried = delivery.tried
    members = {
        "number": delivery.number,
        "message_id": delivery.message_id,
        "event": delivery.event,
        "time": instant(tried.at),
        "status": tried.status,
        "error": tried.error,
        "outcome": tried.outcome,
        "next_try": instant(tried.next_at),
    }
    return present(members)


def queue_members(report: QueueReport) -> dict[str, Any]:
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
    return present(members)


def worker_members(report: WorkerReport) -> dict[str, Any]:
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


def type_members(type: TaskType) -> dict[str, Any]:
    return {"type": type.name, "description": type.description, "payload_schema": dict(type.payload_schema)}


def stats_members(measures: Measures) -> dict[str, Any]:
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
