"""The operations of the API about schedules: each function returns the call of the same name."""

from collections.abc import Mapping
from typing import Any

from task_manager_client import models, schedule_models
from task_manager_client.bodies import ScheduleChanges, ScheduleSettings, ScheduleTimes
from task_manager_client.calls import Call, Response, nothing, path, read_body, reads, to_json

JSON = {"Content-Type": "application/json"}


def list_schedules(
    *, page_size: int | None = None, cursor: str | None = None
) -> Call[schedule_models.SchedulePage]:
    """Return a page of schedules."""
    given = {"page_size": page_size, "cursor": cursor}
    query = tuple((name, str(value)) for name, value in given.items() if value is not None)
    return Call("GET", "/schedules", reads(schedule_models.SchedulePage), query=query)


def preview_schedule(times: ScheduleTimes) -> Call[schedule_models.Preview]:
    """Return the next ten times. Nothing is stored."""
    preview, body = reads(schedule_models.Preview), to_json(times)
    return Call("POST", "/schedules/preview", preview, headers=JSON, body=body)


def get_schedule(name: str) -> Call[schedule_models.Schedule]:
    """Return a schedule."""
    return Call("GET", path("schedules", name), _schedule)


def put_schedule(
    name: str,
    schedule: ScheduleSettings,
    if_match: str | int | None = None,
    *,
    only_new: bool = False,
) -> Call[schedule_models.Schedule]:
    """Create or replace a schedule; with `only_new`, only create it."""
    new = {"If-None-Match": "*"} if only_new else {}
    headers = {**JSON, **new, **_if_match(if_match)}
    repeatable = if_match is None and not only_new  # a repetition would find its own schedule
    return Call(
        "PUT",
        path("schedules", name),
        _schedule,
        headers=headers,
        body=to_json(schedule),
        repeatable=repeatable,
    )


def update_schedule(
    name: str, changes: ScheduleChanges, if_match: str | int | None = None
) -> Call[schedule_models.Schedule]:
    """Change members of a schedule."""
    headers = {"Content-Type": "application/merge-patch+json", **_if_match(if_match)}
    return Call(
        "PATCH",
        path("schedules", name),
        _schedule,
        headers=headers,
        body=to_json(changes),
        repeatable=if_match is None,
    )


def delete_schedule(name: str) -> Call[None]:
    """Delete a schedule. The tasks that it has made stay."""
    return Call("DELETE", path("schedules", name), nothing, repeatable=False)


def run_schedule(name: str, idempotency_key: str) -> Call[models.Task]:
    """Submit the task of a schedule now."""
    headers = {"Idempotency-Key": idempotency_key}
    return Call("POST", path("schedules", name, "run"), _submitted, headers=headers)


def pause_schedule(name: str) -> Call[schedule_models.Schedule]:
    """Pause a schedule."""
    return Call("POST", path("schedules", name, "pause"), _schedule)


def resume_schedule(name: str) -> Call[schedule_models.Schedule]:
    """Resume a paused schedule."""
    return Call("POST", path("schedules", name, "resume"), _schedule)


def _if_match(tag: str | int | None) -> Mapping[str, str]:
    """Return the header for an ETag or a version."""
    if tag is None:
        return {}
    return {"If-Match": f'"{tag}"' if isinstance(tag, int) else tag}


def _schedule(response: Response) -> schedule_models.Schedule:
    return read_body(schedule_models.Schedule, response, etag=response.headers.get("etag"))


def _submitted(response: Response) -> models.Task:
    own: dict[str, Any] = {"replayed": response.headers.get("idempotent-replayed") == "true"}
    return read_body(models.Task, response, **own)
