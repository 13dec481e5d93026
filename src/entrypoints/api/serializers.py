"""Write pages of tasks. Single tasks are written by `application.task_serializer`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from flask import json

from application.ports.task_repository import PageRequest, TaskPage
from application.task_serializer import drop_none, serialize_task
from domain.task import Task
from entrypoints.api.schemas.cursor_field import encode_cursor


def serialize_page(
    page: TaskPage, page_request: PageRequest, positions: Mapping[str, int]
) -> dict[str, Any]:
    """Return the form of TaskListResponse. `positions` are places in queues by task id."""
    return {
        "pagination": serialize_pagination(page, page_request),
        "tasks": [serialize_task(task, positions.get(task.task_id)) for task in page.tasks],
    }


def stream_page(
    page: TaskPage,
    page_request: PageRequest,
    positions: Mapping[str, int],
    tasks: Iterable[Task],
) -> Iterator[bytes]:
    """Yield the JSON of a page in the form of TaskListResponse, one task at a time."""
    pagination = json.dumps(serialize_pagination(page, page_request))
    yield f'{{"pagination": {pagination}, "tasks": ['.encode()
    separator = ""
    for task in tasks:
        members = serialize_task(task, positions.get(task.task_id))
        yield f"{separator}{json.dumps(members)}".encode()
        separator = ", "
    yield b"]}"


def serialize_pagination(page: TaskPage, page_request: PageRequest) -> dict[str, Any]:
    """Return the form of PaginationResponse."""
    size = page_request.limit
    by_number = page_request.after is None
    total = page.total if by_number else None
    members = {
        "current_page": page_request.offset // size + 1 if by_number else None,
        "page_size": size,
        "total_pages": -(-total // size) if total is not None else None,
        "total_tasks": total,
        "next_cursor": next_cursor(page, page_request),
    }
    return drop_none(members)


def next_cursor(page: TaskPage, page_request: PageRequest) -> str | None:
    if not page.next:
        return None
    return encode_cursor(page.next, newest_first=page_request.newest_first)
