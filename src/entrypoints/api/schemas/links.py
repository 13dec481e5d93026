"""Schemas of links to tasks."""

from datetime import timedelta
from typing import Any

from marshmallow import ValidationError, fields, post_load

from domain.task_link import LinkAction
from entrypoints.api.schemas.bounded import BoundedList
from entrypoints.api.schemas.fields import Instant, OneOf, WholeNumber
from entrypoints.api.schemas.response_schema import ResponseSchema
from entrypoints.api.schemas.strict_schema import StrictSchema

MAX_LINK_SECONDS = 30 * 86_400
DEFAULT_SECONDS = 86_400


class LinkActions(BoundedList):
    """What a link allows. It must have `read`."""

    def __init__(self) -> None:
        description = (
            "What the link allows: read the task, its events and its log; cancel the task as well. "
            "The default is read, which must be there."
        )
        super().__init__(
            OneOf(LinkAction),
            range(1, len(LinkAction) + 1),
            error="Must be read, or read and cancel.",
            metadata={"description": description, "contains": {"const": LinkAction.READ.value}},
        )
        self.validators.append(_require_read)


def _require_read(actions: list[str]) -> None:
    if LinkAction.READ not in actions:
        raise ValidationError("Must contain read: the response to a cancel shows the task.")


class LinkBody(StrictSchema):
    """A new link to a task."""

    expires_in = WholeNumber(
        range(1, MAX_LINK_SECONDS + 1),
        metadata={"description": "Seconds for which the link works. The default is a day."},
    )
    actions = LinkActions()

    @post_load
    def with_defaults(self, members: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {
            "lifetime": timedelta(seconds=members.get("expires_in", DEFAULT_SECONDS)),
            "actions": [LinkAction(each) for each in members.get("actions", [LinkAction.READ])],
        }


class LinkUrlsResponse(ResponseSchema):
    """Where the link leads. The URLs are relative to that of the service."""

    page = fields.String(
        required=True, metadata={"description": "The task in a browser. Send this one to people."}
    )
    task = fields.String(required=True, metadata={"description": "GET: the task."})
    events = fields.String(required=True, metadata={"description": "GET: the events of the task."})
    log = fields.String(required=True, metadata={"description": "GET: the log of the task."})
    cancel = fields.String(
        metadata={"description": "POST: cancel the task; absent where the link does not allow it."}
    )


class LinkResponse(ResponseSchema):
    """A link to a task."""

    token = fields.String(
        required=True,
        metadata={"description": "The query parameter `link` of the URLs. It grants the access."},
    )
    actions = fields.List(
        fields.String(), required=True, metadata={"description": "What the link allows."}
    )
    expires_at = Instant(required=True, metadata={"description": "The link ends at this time."})
    urls = fields.Nested(
        LinkUrlsResponse, required=True, metadata={"description": "Where the link leads."}
    )
