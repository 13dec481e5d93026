"""What requests carry in their query strings."""

from typing import Any

from marshmallow import Schema, ValidationError, post_load, validates_schema

from application.ports.task_repository import PageRequest
from application.task_filter import TaskFilter
from domain.status import Status
from entrypoints.api.bodies import FilterMembers, to_filter
from entrypoints.api.fields import CursorField, Flag, OneOf, QueryNumber, Words

MAX_PAGE = 1_000_000_000
MAX_PAGE_SIZE = 100
LONGEST_WAIT_SECONDS = 60
FILTERS = ("status", "type", "queue", "labels", "submitted_after", "submitted_before", "task_name", "q")
NEWEST_FIRST = "-submitted_at"


class FilterQuery(FilterMembers):
    status = Words(Status, metadata={"description": "Any of these: repeat the parameter, or separate them by commas."})


class ListQuery(FilterQuery):
    page = QueryNumber(range(1, MAX_PAGE + 1), metadata={"description": "The number of the page, from 1."})
    page_size = QueryNumber(
        range(1, MAX_PAGE_SIZE + 1),
        load_default=10,
        metadata={"description": "Limit on the tasks of a page."},
    )
    cursor = CursorField(metadata={"description": "A next_cursor: the page behind it. Not together with page."})
    sort = OneOf(
        ["submitted_at", NEWEST_FIRST], load_default="submitted_at", metadata={"description": "Oldest or newest first."}
    )
    full = Flag(
        load_default=False,
        metadata={"description": "Whole tasks, streamed one by one: nothing is left out."},
    )

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def counts_pages_one_way(self, members: dict[str, Any], given: dict[str, Any], **_: Any) -> None:
        if "cursor" not in given:
            return
        if "page" in given:
            raise ValidationError("Must not be given together with cursor.", "page")
        if {"cursor", "sort"} <= members.keys() and members["cursor"][1] != (members["sort"] == NEWEST_FIRST):
            raise ValidationError("Belongs to a list that is sorted the other way.", "cursor")

    @post_load
    def to_filter(self, members: dict[str, Any], **_: Any) -> tuple[TaskFilter, PageRequest, bool]:
        """Replaces that of FilterQuery. Returns whether whole tasks are wanted, too."""
        size, place = members["page_size"], members.get("cursor")
        window = PageRequest(
            limit=size,
            offset=(members.get("page", 1) - 1) * size,
            after=place[0] if place else None,
            newest_first=members["sort"] == NEWEST_FIRST,
        )
        wanted = to_filter({name: members[name] for name in FILTERS if name in members})
        return wanted, window, members["full"]


class WaitQuery(Schema):
    wait = QueryNumber(
        range(LONGEST_WAIT_SECONDS + 1),
        metadata={"description": "Answer when the task is final, or as it stands after so many seconds."},
    )


class DeleteQuery(Schema):
    cancel = Flag(
        load_default=False, metadata={"description": "Stop the task first if it runs; it is removed once it has."}
    )
