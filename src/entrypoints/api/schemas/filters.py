"""The members of a filter of tasks, in a body or a query string."""

from typing import Any

from marshmallow import post_load

from application.task_filter import TaskFilter
from domain.status import Status
from domain.task_spec import TASK_NAME_LENGTH
from entrypoints.api.schemas.fields import TYPE_LENGTH, Instant, QueueName, Text, labels_field
from entrypoints.api.schemas.strict_schema import StrictSchema


class FilterMembers(StrictSchema):
    """All members of a filter but `status`, which bodies and query strings write differently."""

    type = Text(TYPE_LENGTH, metadata={"description": "The task has this type."})
    queue = QueueName(metadata={"description": "The task is in this queue."})
    labels = labels_field(patch=False)
    submitted_after = Instant(metadata={"description": "The task was submitted after this time."})
    submitted_before = Instant(metadata={"description": "The task was submitted before this time."})
    task_name = Text(TASK_NAME_LENGTH, metadata={"description": "The task has exactly this name."})
    q = Text(
        TASK_NAME_LENGTH,
        metadata={
            "description": "The name, payload, result or error contains this text. Case is ignored."
        },
    )

    @post_load
    def to_filter(self, members: dict[str, Any], **_: Any) -> TaskFilter:
        return to_filter(members)


def to_filter(members: dict[str, Any]) -> TaskFilter:
    names = {"status": "statuses", "q": "text"}
    renamed = {names.get(name, name): value for name, value in members.items()}
    if "statuses" in renamed:
        renamed["statuses"] = frozenset(map(Status, renamed["statuses"]))
    return TaskFilter(**renamed)
