"""Responses about tasks, and the headers that they document."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from flask import Response, current_app, request

from application.ports.task_repository import IdempotencyRecord
from domain.task import Task
from entrypoints.api.problems.details import unserved_queue
from entrypoints.api.reading import headers
from entrypoints.api.reading.arguments import json_body
from entrypoints.api.reading.strict_json import request_hash
from entrypoints.api.resources.json_response import json_response
from entrypoints.api.schemas.task_responses import WarningResponse
from entrypoints.api.task_texts import TaskTexts
from entrypoints.api.use_cases import use_cases

TEXT_HEADER = {"schema": {"type": "string"}}
ETAG = {
    "ETag": {
        "description": "A tag of the task's version, queue position and progress, for If-Match "
        "and If-None-Match.",
        **TEXT_HEADER,
    }
}
LOCATION = {"Location": {"description": "URL of the task.", **TEXT_HEADER}}
LINK = {
    "Link": {
        "description": "URLs of the first, prev, next and last page, where known (RFC 8288).",
        **TEXT_HEADER,
    }
}
REPLAYED = {
    "Idempotent-Replayed": {
        "description": "true when an earlier request with the same Idempotency-Key made the tasks.",
        **TEXT_HEADER,
    },
}


def task_response(task: Task, status: int = 200) -> Response:
    """Return the task with its place in the queue and its ETag."""
    return placed_response(task, use_cases().read_details().queue_position(task), status)


def placed_response(task: Task, position: int | None, status: int = 200) -> Response:
    """Return the task with the given place in the queue and its ETag."""
    etag = headers.entity_tag(task, position)
    return json_response(task_texts().text(task, position), status, {"ETag": etag})


def task_texts() -> TaskTexts:
    texts: TaskTexts = current_app.extensions["task_texts"]
    return texts


def submit_response(
    members: Mapping[str, object] | bytes, location: Mapping[str, str], *, replayed: bool
) -> Response:
    """Return the 202 of a submit. `replayed`: an earlier request had submitted the same tasks."""
    replayed_header = {"Idempotent-Replayed": "true"} if replayed else {}
    return json_response(members, 202, {**location, **replayed_header})


def idempotency_record() -> IdempotencyRecord | None:
    """Return the record of the current request; None without an Idempotency-Key."""
    key = headers.idempotency_key()
    if key is None:
        return None
    return IdempotencyRecord(key=key, request_hash=request_hash(json_body(request)))


def warnings_about(tasks: Sequence[Task]) -> dict[str, Any]:
    """Return the member `warnings` of the response to a submit; {} when there are no warnings."""
    unserved = use_cases().warn_about_queues().execute(task.spec.queue for task in tasks)
    return {"warnings": [_queue_warning(queue) for queue in unserved]} if unserved else {}


def _queue_warning(queue: str) -> dict[str, Any]:
    members = {"code": "queue_unserved", "queue": queue, "message": unserved_queue(queue)}
    return cast(dict[str, Any], WarningResponse().dump(members))
