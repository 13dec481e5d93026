"""Schemas of bodies that concern many tasks: batches and actions."""

from collections.abc import Iterable
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validates_schema

from application.use_cases.tasks.bulk_action import MAX_TASKS, Action
from application.use_cases.tasks.submit_batch import MAX_LABELS
from domain.status import Status
from domain.task_spec import TaskSpec
from entrypoints.api.concurrency.cooperation import paced
from entrypoints.api.schemas.bounded import BoundedList
from entrypoints.api.schemas.fields import Flag, OneOf, require_not_blank
from entrypoints.api.schemas.filters import FilterMembers
from entrypoints.api.schemas.strict_schema import StrictSchema, Variant
from entrypoints.api.schemas.task_requests import TaskBody

MAX_BATCH_SIZE = 1_000


class TaskList(BoundedList):
    """The tasks of a batch. When one is wrong, all others are checked completely, too."""

    def violations(self, valid: Iterable[tuple[int, TaskSpec]]) -> dict[int, Any]:
        return _violations(valid)


def _violations(tasks: Iterable[tuple[int, TaskSpec]]) -> dict[int, Any]:
    """Return the messages of tasks by place; only for tasks that have some."""
    body = TaskBody()
    messages = ((place, body.violations(spec)) for place, spec in paced(tasks))
    return {place: wrong for place, wrong in messages if wrong}


class BatchBody(StrictSchema):
    """Many tasks. Either all of them are accepted or none."""

    tasks = TaskList(
        fields.Nested(TaskBody),
        range(1, MAX_BATCH_SIZE + 1),
        error=f"Must be 1 to {MAX_BATCH_SIZE} tasks.",
        required=True,
        metadata={
            "description": (
                f"1 to 1,000 tasks. They may have {MAX_LABELS:,} different labels in all, by key "
                "and value."
            )
        },
    )

    def violations(self, loaded: dict[str, list[TaskSpec]]) -> dict[Any, Any]:
        return {"tasks": _violations(enumerate(loaded["tasks"]))}


class FilterBody(FilterMembers):
    """A filter of tasks. All of its members must hold; an empty filter matches every task."""

    status = BoundedList(
        OneOf(Status),
        range(1, len(Status) + 1),
        metadata={"description": "The task has one of these statuses."},
    )


class ActionBody(StrictSchema):
    """An action and the tasks that it applies to. Exactly one of ids and filter is required."""

    VARIANTS: ClassVar = (
        Variant(
            name="ActionOnIdsBody",
            description="An action on tasks that are named by their ids.",
            required=("ids",),
            without=("filter",),
        ),
        Variant(
            name="ActionOnFilterBody",
            description="An action on all tasks that match a filter.",
            required=("filter",),
            without=("ids",),
        ),
    )

    action = OneOf(Action, required=True, metadata={"description": "The action."})
    ids = BoundedList(
        fields.String(validate=require_not_blank, metadata={"pattern": r"^$|\S"}),
        range(1, MAX_TASKS + 1),
        error=f"Must be 1 to {MAX_TASKS} ids.",
        metadata={"description": "Ids of the tasks. Ids without a task are ignored."},
    )
    filter = fields.Nested(
        FilterBody,
        metadata={"description": "All members must hold; an empty filter matches every task."},
    )
    dry_run = Flag(
        metadata={
            "description": "Change nothing and only count; see would_be_done. The default is false."
        }
    )

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def require_ids_or_filter(self, _: dict[str, Any], given: Any, **__: Any) -> None:
        if isinstance(given, dict) and ("ids" in given) == ("filter" in given):
            raise ValidationError("Exactly one of ids and filter must be given.")
