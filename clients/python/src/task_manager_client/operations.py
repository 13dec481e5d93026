"""The operations of the API: each function returns the call of the operation of the same name."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from task_manager_client import models, service_models
from task_manager_client.bodies import Filter, NewTask, TaskChanges
from task_manager_client.calls import (
    Call,
    Response,
    nothing,
    path,
    read_body,
    reads,
    time_text,
    to_json,
)

JSON = {"Content-Type": "application/json"}


def submit_task(task: NewTask, idempotency_key: str) -> Call[models.Task]:
    """Submit a task."""
    headers = {**JSON, "Idempotency-Key": idempotency_key}
    return Call("POST", "/tasks", _submitted, headers=headers, body=to_json(task))


def submit_batch(tasks: bytes, idempotency_key: str) -> Call[models.Batch]:
    """Submit many tasks, all or none. `tasks` is a JSON array."""
    headers = {**JSON, "Idempotency-Key": idempotency_key}
    body = b'{"tasks":%b}' % tasks
    return Call("POST", "/tasks/batch", _batch, headers=headers, body=body)


def list_tasks(
    wanted: Filter | None = None,
    *,
    page: int | None = None,
    page_size: int | None = None,
    cursor: str | None = None,
    sort: models.SortName | None = None,
    full: bool | None = None,
) -> Call[models.Page]:
    """Return a page of tasks, by number or by cursor."""
    own = _query(page=page, page_size=page_size, cursor=cursor, sort=sort, full=full)
    query = (*_filter_query(wanted or {}), *own)
    return Call("GET", "/tasks", reads(models.Page), query=query)


def count_tasks(wanted: Filter | None = None) -> Call[service_models.TaskCounts]:
    """Return the numbers of tasks by status. The filter has no status."""
    query = tuple(_filter_query(wanted or {}))
    return Call("GET", "/tasks/counts", reads(service_models.TaskCounts), query=query)


def get_task(task_id: str, *, wait: int | None = None) -> Call[models.Task]:
    """Return a task, after at most `wait` seconds as soon as it is final."""
    return Call("GET", path("tasks", task_id), _task, query=_query(wait=wait), wait=wait or 0)


def get_task_if_changed(task_id: str, etag: str) -> Call[models.Task | None]:
    """Return the task, or None if it still has this ETag."""
    headers = {"If-None-Match": etag}
    return Call("GET", path("tasks", task_id), _task_or_none, headers=headers)


def update_task(
    task_id: str, changes: TaskChanges, if_match: str | int | None = None
) -> Call[models.Task]:
    """Change members of a task."""
    headers = {"Content-Type": "application/merge-patch+json", **_if_match(if_match)}
    return _write("PATCH", path("tasks", task_id), headers, changes, if_match)


def replace_task(
    task_id: str, task: NewTask, if_match: str | int | None = None
) -> Call[models.Task]:
    """Replace what a waiting task will do."""
    return _write("PUT", path("tasks", task_id), {**JSON, **_if_match(if_match)}, task, if_match)


def delete_task(task_id: str, *, cancel: bool | None = None) -> Call[None]:
    """Delete a task; with `cancel`, also a running one."""
    query = _query(cancel=cancel)
    return Call("DELETE", path("tasks", task_id), nothing, query=query, repeatable=False)


def cancel_task(task_id: str) -> Call[models.Task]:
    """Cancel a task."""
    return Call("POST", path("tasks", task_id, "cancel"), _task, repeatable=False)


def retry_task(task_id: str) -> Call[models.Task]:
    """Queue a final task again."""
    return Call("POST", path("tasks", task_id, "retry"), _task, repeatable=False)


def list_attempts(task_id: str) -> Call[models.Attempts]:
    """Return the runs of a task."""
    return Call("GET", path("tasks", task_id, "attempts"), reads(models.Attempts))


def get_task_log(task_id: str, *, after: int | None = None) -> Call[models.Log]:
    """Return the log of a task, or its lines with a number greater than `after`."""
    query = _query(after=after)
    return Call("GET", path("tasks", task_id, "logs"), reads(models.Log), query=query)


def list_deliveries(task_id: str) -> Call[models.Deliveries]:
    """Return the delivery attempts of a task's callbacks."""
    return Call("GET", path("tasks", task_id, "deliveries"), reads(models.Deliveries))


def list_all_deliveries(
    *,
    outcome: Sequence[models.OutcomeName] = (),
    task_id: str | None = None,
    page_size: int | None = None,
    cursor: str | None = None,
) -> Call[models.DeliveryPage]:
    """Return a page of the delivery attempts of all tasks, newest first."""
    query = _query(task_id=task_id, page_size=page_size, cursor=cursor)
    query += tuple(("outcome", each) for each in outcome)
    return Call("GET", "/deliveries", reads(models.DeliveryPage), query=query)


def resend_delivery(task_id: str, number: int) -> Call[None]:
    """Send the callback of a delivery attempt again."""
    target = path("tasks", task_id, "deliveries", number, "resend")
    return Call("POST", target, nothing, repeatable=False)


def act_on_tasks(
    action: models.ActionName,
    *,
    ids: Sequence[str] | None = None,
    wanted: Filter | None = None,
    dry_run: bool | None = None,
) -> Call[models.ActionResult]:
    """Cancel, retry or delete many tasks, named by ids or by a filter.

    Raises ValueError unless exactly one of `ids` and `wanted` is given.
    """
    if (ids is None) == (wanted is None):
        raise ValueError("give either ids or a filter")
    body: dict[str, Any] = {"action": action}
    body |= {"ids": list(ids)} if ids is not None else {"filter": _filter_body(wanted or {})}
    if dry_run is not None:
        body["dry_run"] = dry_run
    return Call(
        "POST",
        "/tasks/actions",
        reads(models.ActionResult),
        headers=JSON,
        body=to_json(body),
        repeatable=bool(dry_run),
    )


def follow_task(
    task_id: str, last_event_id: str | None = None, *, logs: bool | None = None
) -> Call[None]:
    """Open the event stream of a task, with the lines of its log if `logs`."""
    return _stream(path("tasks", task_id, "events"), _query(logs=logs), last_event_id)


def follow_tasks(wanted: Filter | None = None, last_event_id: str | None = None) -> Call[None]:
    """Open the event stream of all tasks that match."""
    return _stream("/events", _filter_query(wanted or {}), last_event_id)


def list_queues() -> Call[service_models.Queues]:
    """Return all queues."""
    return Call("GET", "/queues", reads(service_models.Queues))


def pause_queue(queue: str) -> Call[service_models.Queue]:
    """Let a queue start no further task."""
    return Call("POST", path("queues", queue, "pause"), reads(service_models.Queue))


def resume_queue(queue: str) -> Call[service_models.Queue]:
    """Let a paused queue start tasks again."""
    return Call("POST", path("queues", queue, "resume"), reads(service_models.Queue))


def remove_queue(queue: str) -> Call[None]:
    """Remove a queue without tasks and workers."""
    return Call("DELETE", path("queues", queue), nothing, repeatable=False)


def get_scaling(queue: str, *, drain_seconds: int | None = None) -> Call[service_models.Scaling]:
    """Return the number of places that a queue needs."""
    query = _query(drain_seconds=drain_seconds)
    return Call("GET", path("queues", queue, "scaling"), reads(service_models.Scaling), query=query)


def list_workers() -> Call[service_models.Workers]:
    """Return all living workers."""
    return Call("GET", "/workers", reads(service_models.Workers))


def list_types() -> Call[service_models.TaskTypes]:
    """Return all types of task."""
    return Call("GET", "/types", reads(service_models.TaskTypes))


def get_statistics() -> Call[service_models.Statistics]:
    """Return numbers and times of the tasks."""
    return Call("GET", "/stats", reads(service_models.Statistics))


def get_statistics_series(
    *, span: service_models.SpanName | None = None, by: service_models.SeriesName | None = None
) -> Call[service_models.Series]:
    """Return statistics over time, by queue or type."""
    query = _query(span=span, by=by)
    return Call("GET", "/stats/series", reads(service_models.Series), query=query)


def get_liveness() -> Call[service_models.Probe]:
    """Return whether the API responds."""
    return Call("GET", "/livez", reads(service_models.Probe))


def get_readiness() -> Call[service_models.Probe]:
    """Return whether the API can reach its store."""
    return Call("GET", "/readyz", reads(service_models.Probe))


def get_metrics() -> Call[str]:
    """Return the metrics as Prometheus reads them."""
    headers = {"Accept": "text/plain"}
    return Call("GET", "/metrics", lambda response: response.body.decode(), headers=headers)


def _write(
    method: str, target: str, headers: Mapping[str, str], body: Any, if_match: str | int | None
) -> Call[models.Task]:
    repeatable = if_match is None  # a repetition finds the version that it made itself
    return Call(method, target, _task, headers=headers, body=to_json(body), repeatable=repeatable)


def _stream(target: str, query: Sequence[tuple[str, str]], last_event_id: str | None) -> Call[None]:
    headers = {"Accept": "text/event-stream"}
    if last_event_id is not None:
        headers["Last-Event-ID"] = last_event_id
    return Call("GET", target, nothing, query=tuple(query), headers=headers)


def _query(**members: Any) -> tuple[tuple[str, str], ...]:
    """Return the parameters that are not None."""
    return tuple(
        (name, str(value).lower() if isinstance(value, bool) else str(value))
        for name, value in members.items()
        if value is not None
    )


def _if_match(tag: str | int | None) -> Mapping[str, str]:
    """Return the header for an ETag or a version."""
    if tag is None:
        return {}
    return {"If-Match": f'"{tag}"' if isinstance(tag, int) else tag}


def _statuses(wanted: Filter) -> list[str]:
    status = wanted.get("status", [])
    return [status] if isinstance(status, str) else list(status)


def _filter_query(wanted: Filter) -> list[tuple[str, str]]:
    query: list[tuple[str, str]] = [("status", status) for status in _statuses(wanted)]
    query += [("label", f"{key}:{value}") for key, value in wanted.get("labels", {}).items()]
    for name, value in wanted.items():
        if name not in ("status", "labels") and value is not None:
            query.append((name, time_text(cast("str", value))))
    return query


def _filter_body(wanted: Filter) -> dict[str, Any]:
    body = {name: value for name, value in wanted.items() if value is not None}
    return {**body, "status": _statuses(wanted)} if "status" in body else body


def _task(response: Response) -> models.Task:
    return read_body(models.Task, response, etag=response.headers.get("etag"))


def _task_or_none(response: Response) -> models.Task | None:
    return None if response.status == 304 else _task(response)


def _submitted(response: Response) -> models.Task:
    return read_body(models.Task, response, replayed=_replayed(response))


def _batch(response: Response) -> models.Batch:
    return read_body(models.Batch, response, replayed=_replayed(response))


def _replayed(response: Response) -> bool:
    return response.headers.get("idempotent-replayed") == "true"
