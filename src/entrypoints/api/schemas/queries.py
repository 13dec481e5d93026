"""Schemas of query strings."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validates_schema

from application.ports.task_repository import PageRequest
from application.task_filter import TaskFilter
from domain.status import Status
from domain.webhook import DeliveryOutcome
from entrypoints.api.reading.headers import MAX_WAIT_SECONDS
from entrypoints.api.schemas.cursor_field import CursorField, PositionField
from entrypoints.api.schemas.fields import Flag, OneOf, QueryNumber, Words
from entrypoints.api.schemas.filters import FilterMembers, to_filter

MAX_PAGE = 1_000_000_000
MAX_PAGE_SIZE = 100
MAX_LINE_NUMBER = 10**15
FILTERS = (
    "status",
    "type",
    "queue",
    "labels",
    "submitted_after",
    "submitted_before",
    "task_name",
    "q",
)
NEWEST_FIRST = "-submitted_at"


class FilterQuery(FilterMembers):
    status = Words(
        Status,
        metadata={
            "description": (
                "The task has one of these statuses. Repeat the parameter, or separate "
                "them by commas."
            )
        },
    )


class ListQuery(FilterQuery):
    page = QueryNumber(
        range(1, MAX_PAGE + 1), metadata={"description": "The number of the page, from 1."}
    )
    page_size = QueryNumber(
        range(1, MAX_PAGE_SIZE + 1),
        load_default=10,
        metadata={"description": "Limit on the tasks of a page."},
    )
    cursor = CursorField(
        metadata={"description": "A next_cursor; asks for the page after it. Excludes page."}
    )
    sort = OneOf(
        ["submitted_at", NEWEST_FIRST],
        load_default="submitted_at",
        metadata={
            "description": "submitted_at lists the oldest task first, -submitted_at the newest."
        },
    )
    full = Flag(
        load_default=False,
        metadata={"description": "Return whole tasks. They are streamed, and nothing is left out."},
    )

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def check_cursor(self, members: dict[str, Any], given: dict[str, Any], **_: Any) -> None:
        if "cursor" not in given:
            return
        if "page" in given:
            raise ValidationError("Must not be given together with cursor.", "page")
        if {"cursor", "sort"} <= members.keys():
            _, newest_first = members["cursor"]
            if newest_first != (members["sort"] == NEWEST_FIRST):
                raise ValidationError("Belongs to a list that is sorted the other way.", "cursor")

    @post_load
    def to_filter(self, members: dict[str, Any], **_: Any) -> tuple[TaskFilter, PageRequest, bool]:
        """Return the filter, the page request and whether whole tasks are wanted.

        Replaces the method of FilterQuery.
        """
        size = members["page_size"]
        cursor, _newest_first = members.get("cursor", (None, None))
        page_request = PageRequest(
            limit=size,
            offset=(members.get("page", 1) - 1) * size,
            after=cursor,
            newest_first=members["sort"] == NEWEST_FIRST,
        )
        wanted = to_filter({name: members[name] for name in FILTERS if name in members})
        return wanted, page_request, members["full"]


class WaitQuery(Schema):
    wait = QueryNumber(
        range(MAX_WAIT_SECONDS + 1),
        metadata={
            "description": "Seconds to wait for the task to become final. The response comes "
            "then, or after this time with the task as it is."
        },
    )


class DeleteQuery(Schema):
    cancel = Flag(
        load_default=False,
        metadata={"description": "Stop the task first if it is running; it is deleted afterwards."},
    )


class DeliveryQuery(Schema):
    outcome = Words(
        DeliveryOutcome,
        metadata={
            "description": "State of the webhook after the attempt. Repeat the parameter, or "
            "separate several by commas."
        },
    )
    task_id = fields.String(metadata={"description": "Id of the task."})
    page_size = QueryNumber(
        range(1, MAX_PAGE_SIZE + 1),
        load_default=10,
        metadata={"description": "Limit on the delivery attempts of a page."},
    )
    cursor = PositionField(metadata={"description": "A next_cursor; asks for the page after it."})


class LogQuery(Schema):
    after = QueryNumber(
        range(MAX_LINE_NUMBER + 1),
        load_default=0,
        metadata={"description": "Only lines with a greater number. 0 is the default."},
    )


class HistoryQuery(Schema):
    page_size = QueryNumber(
        range(1, MAX_PAGE_SIZE + 1),
        load_default=MAX_PAGE_SIZE,
        metadata={"description": "Limit on the entries of a page."},
    )
    cursor = PositionField(metadata={"description": "A next_cursor; asks for the page after it."})


class TaskEventsQuery(Schema):
    logs = Flag(
        load_default=False,
        metadata={
            "description": "Send each line of the task's log as an event task.log. The ids of all "
            "events then have the number of the last line behind a plus sign."
        },
    )
