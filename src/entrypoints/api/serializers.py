"""Write pages of tasks as JSON. Single tasks are written by `entrypoints.api.task_texts`."""

from collections.abc import Iterable, Iterator
from itertools import starmap
from typing import Any

from application.ports.task_pages import TextPage
from application.ports.task_repository import Page, PageRequest
from application.task_serializer import drop_none, serialize_task
from domain.task import Task
from entrypoints.api.json_text import to_json
from entrypoints.api.schemas.cursor_field import encode_cursor


def page_json(page: TextPage, page_request: PageRequest) -> bytes:
    """Return the JSON of TaskListResponse."""
    pagination = to_json(serialize_pagination(page, page_request))
    return b'{"pagination":%b,"tasks":[%b]}' % (pagination, b",".join(page.texts))


def stream_page(
    page: Page, page_request: PageRequest, tasks: Iterable[tuple[Task, int | None]]
) -> Iterator[bytes]:
    """Yield the JSON of a page in the form of TaskListResponse, one task at a time.

    `tasks` are the tasks with their positions. None is held while its text is sent.
    """
    yield b'{"pagination":%b,"tasks":[' % to_json(serialize_pagination(page, page_request))
    separator = b""
    for text in starmap(_text, tasks):
        yield separator + text
        separator = b","
    yield b"]}"


def _text(task: Task, position: int | None) -> bytes:
    return to_json(serialize_task(task, position))


def serialize_pagination(page: Page, page_request: PageRequest) -> dict[str, Any]:
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


def next_cursor(page: Page, page_request: PageRequest) -> str | None:
    if not page.next:
        return None
    return encode_cursor(page.next, newest_first=page_request.newest_first)
