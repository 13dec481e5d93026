"""Serialize schedules for everybody outside."""

from typing import Any

from application.task_serializer import RETRY_MEMBERS, drop_none, rfc3339
from application.use_cases.schedules.read_schedules import ScheduleReport
from domain.schedule import Skip
from domain.task_spec import TaskSpec


def serialize_schedule(report: ScheduleReport) -> dict[str, Any]:
    """Return the members of a schedule. Members without a value are left out.

    The members that a caller sets have the form in which a caller sets them.
    """
    schedule = report.schedule
    spec = schedule.spec
    return drop_none(
        {
            "name": schedule.name,
            "cron": spec.cron,
            "every": spec.every,
            "timezone": spec.timezone,
            "task": serialize_spec(spec.task),
            "overlap": spec.overlap.value,
            "catch_up": spec.catch_up,
            "jitter": spec.jitter,
            "starts_at": rfc3339(spec.starts_at),
            "ends_at": rfc3339(spec.ends_at),
            "paused": spec.paused,
            "next_runs": [rfc3339(slot) for slot in report.next_runs],
            "last_run": _last_run(report),
            "last_skip": schedule.last_skip and _skip(schedule.last_skip),
            "made": schedule.made,
            "skipped": schedule.skipped,
            "created_at": rfc3339(schedule.created_at),
            "updated_at": rfc3339(schedule.updated_at),
            "version": schedule.version,
        }
    )


def serialize_spec(spec: TaskSpec) -> dict[str, Any]:
    """Return a specification in the form of the body of a submit."""
    return drop_none(
        {
            "task_name": spec.task_name,
            "type": spec.type,
            "duration": spec.duration,
            "payload": dict(spec.payload) if spec.duration is None else None,
            "queue": spec.queue,
            "priority": spec.priority,
            "timeout": spec.timeout,
            "retry": {name: getattr(spec.retry, name) for name in RETRY_MEMBERS},
            "labels": dict(spec.labels),
            "callback_url": spec.callback_url,
        }
    )


def serialize_skip(name: str, skip: Skip) -> dict[str, Any]:
    """Return skipped slots of the schedule of this name."""
    return {"name": name, **_skip(skip)}


def _last_run(report: ScheduleReport) -> dict[str, Any] | None:
    last = report.schedule.last_task
    if last is None:
        return None
    status = report.last_status and report.last_status.value
    return drop_none({"slot": rfc3339(last.slot), "task_id": last.task_id, "status": status})


def _skip(skip: Skip) -> dict[str, Any]:
    return {"reason": skip.reason.value, "slot": rfc3339(skip.slot), "slots": skip.slots}
