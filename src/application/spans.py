"""The spans of a task, named as the semantic conventions of OpenTelemetry say.

Conventions: https://opentelemetry.io/docs/specs/semconv/ (messaging, HTTP). Attributes of our own
begin with task_manager. No attribute has a payload, a result, a message of an error, a query or a
path of an outgoing call: each of these may hold secrets.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

from application.ports.tracer import Attributes, Operation, SpanKind, Tracer
from domain.attempt import Attempt, AttemptOutcome
from domain.task import Task
from domain.task_spec import TaskSpec

DEFAULT_PORTS = {"http": 80, "https": 443}
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
OUTCOME = "task_manager.run.outcome"
"""The attribute that says how a run ended, as the outcomes of attempts are named."""
STATUS_CODE = "http.response.status_code"
FAILURES = {AttemptOutcome.FAILED, AttemptOutcome.TIMED_OUT, AttemptOutcome.WORKER_LOST}


def request_operation(method: str, scheme: str, path: str) -> Operation:
    """Return the serving of a request, before its route is known."""
    known = method if method in METHODS else "_OTHER"
    return Operation(
        name="HTTP" if known == "_OTHER" else known,
        kind=SpanKind.SERVER,
        attributes={"http.request.method": known, "url.scheme": scheme, "url.path": path},
    )


def submit_operation(specs: Sequence[TaskSpec]) -> Operation:
    """Return the storing of new tasks."""
    queues = {spec.queue for spec in specs}
    queue = queues.pop() if len(queues) == 1 else ""
    attributes = {**_messaging("submit", queue), "messaging.operation.type": "send"}
    if len(specs) == 1:
        attributes["task_manager.task.type"] = specs[0].type
    else:
        attributes["messaging.batch.message_count"] = len(specs)
    return Operation(name=_name("submit", queue), kind=SpanKind.PRODUCER, attributes=attributes)


def wait_operation(run: Task) -> Operation:
    """Return the time from which a task could run until it ran."""
    return Operation(
        name=_name("wait", run.spec.queue),
        kind=SpanKind.INTERNAL,
        attributes={**_messaging("wait", run.spec.queue), **_task(run)},
    )


def run_operation(run: Task) -> Operation:
    return Operation(
        name=_name("run", run.spec.queue),
        kind=SpanKind.CONSUMER,
        attributes={
            **_messaging("run", run.spec.queue),
            "messaging.operation.type": "process",
            **_task(run),
        },
    )


def record_ended_run(tracer: Tracer, run: Task, after: Task, ended_at: datetime) -> None:
    """Record a run whose process died before it could record the run itself.

    `after` is the task as this end left it, or as another process had left it before.
    """
    if not tracer.is_on or run.trace is None or run.started_at is None:
        return
    if after.fencing_token != run.fencing_token or after.owner is not None:
        return
    outcome = Attempt.of_run(run, after, ended_at).outcome
    operation = run_operation(run)
    tracer.record(
        replace(operation, attributes={**operation.attributes, OUTCOME: outcome.value}),
        run.trace,
        began=run.started_at,
        ended=ended_at,
        error=outcome.value if outcome in FAILURES else "",
    )


def call_operation(method: str, url: str, purpose: str, task_id: str) -> Operation:
    """Return an outgoing call. `purpose` is "http" or "callback"."""
    parts = urlsplit(url)
    attributes: dict[str, str | int] = {
        "http.request.method": method,
        "url.scheme": parts.scheme,
        "server.address": parts.hostname or "",
        "messaging.message.id": task_id,
    }
    if port := parts.port or DEFAULT_PORTS.get(parts.scheme):
        attributes["server.port"] = port
    return Operation(name=f"{method} {purpose}", kind=SpanKind.CLIENT, attributes=attributes)


def error_of_status(status: int, *, lowest: int) -> str:
    """Return the status as the type of an error; "" if it is below the lowest that is one."""
    return str(status) if status >= lowest else ""


def _messaging(operation: str, queue: str) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {
        "messaging.system": "task_manager",
        "messaging.operation.name": operation,
    }
    if queue:
        attributes["messaging.destination.name"] = queue
    return attributes


def _task(run: Task) -> Attributes:
    return {
        "messaging.message.id": run.task_id,
        "task_manager.task.type": run.spec.type,
        "task_manager.task.attempt": run.attempt,
    }


def _name(operation: str, queue: str) -> str:
    return f"{operation} {queue}" if queue else operation
