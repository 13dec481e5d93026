"""Serialize tasks for everybody outside: responses, event streams and webhooks."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

from domain.actor import Actor
from domain.retry_policy import RetryPolicy
from domain.status import Status
from domain.task import Task
from domain.task_state import ScheduleSlot

RETRY_MEMBERS = tuple(member.name for member in fields(RetryPolicy))


class TaskJson(NamedTuple):
    """The JSON of a task, in two parts: the position in its queue stands between them."""

    head: bytes
    tail: bytes

    @classmethod
    def of(cls, before: bytes, after: bytes) -> Self:
        """Join two JSON objects: the members before the position, and those after it."""
        return cls(before[:-1] + b",", after[1:])

    def placed(self, position: int | None) -> bytes:
        """Return the JSON with a position; None for none."""
        if position is None:
            return self.head + self.tail
        return b'%b"queue_position":%d,%b' % (self.head, position, self.tail)


def rfc3339(time: datetime | None) -> str | None:
    """Return the time as RFC 3339 text in UTC with milliseconds. None for None."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z" if time else None


def serialize_task(task: Task, queue_position: int | None = None) -> dict[str, Any]:
    """Return the members of a task as callers see them. Members without a value are left out."""
    spec, path = task.spec, f"/tasks/{task.task_id}"
    # Workers of older versions leave these two in the record when a task ends.
    progress = task.progress if task.status is not Status.COMPLETED else None
    last_error = task.last_error if not task.status.is_final else None
    return drop_none(
        {
            "task_id": task.task_id,
            "task_name": spec.task_name,
            "type": spec.type,
            "duration": spec.duration,
            "payload": _payload(task),
            "status": task.status.value,
            "submitted_at": task.submitted_at.astimezone(UTC).isoformat(" ", "seconds")[:-6],
            "run_at": rfc3339(spec.run_at),
            "due_at": rfc3339(task.due_at),
            "expires_at": rfc3339(spec.expires_at),
            "started_at": rfc3339(task.started_at),
            "finished_at": rfc3339(task.finished_at),
            "result": task.result,
            "error": task.error and {"code": task.error.code, "message": task.error.message},
            "last_error": last_error and {"code": last_error.code, "message": last_error.message},
            "progress": progress and {"fraction": progress.fraction, "message": progress.message},
            "attempt": task.attempt,
            "max_attempts": spec.retry.max_attempts,
            "cancel_requested": task.cancel_requested or None,
            "queue": spec.queue,
            "priority": spec.priority,
            "labels": dict(spec.labels),
            "timeout": spec.effective_timeout,
            "retry": {name: getattr(spec.retry, name) for name in RETRY_MEMBERS},
            "queue_position": queue_position,
            "callback_url": spec.callback_url,
            "submitted_by": task.submitted_by,
            "schedule": task.schedule and serialize_slot(task.schedule),
            "version": task.version,
            "omitted": list(task.omitted) or None,
            "links": {"self": path, "events": f"{path}/events"},
        }
    )


def serialize_actor(actor: Actor) -> dict[str, str]:
    """Return who made a change as callers see it. Empty members are left out."""
    members = {
        "kind": actor.kind.value,
        "key_id": actor.key_id,
        "name": actor.name,
        "address": actor.address,
    }
    return {name: value for name, value in members.items() if value}


def serialize_slot(origin: ScheduleSlot) -> dict[str, Any]:
    """Return the schedule and the slot of a task as callers see them."""
    return drop_none({"name": origin.name, "slot": rfc3339(origin.slot)})


def _payload(task: Task) -> dict[str, Any] | None:
    """Return the payload. None if the task has a duration instead, or was read without it."""
    if task.spec.duration is not None or "payload" in task.omitted:
        return None
    return dict(task.spec.payload)


def drop_none(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members whose value is not None."""
    return {name: value for name, value in members.items() if value is not None}
