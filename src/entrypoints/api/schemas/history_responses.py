"""Schemas of responses about the history of a task."""

from marshmallow import fields, validate

from domain.actor import ActorKind
from domain.events import Event
from entrypoints.api.schemas.fields import Instant
from entrypoints.api.schemas.response_schema import ResponseSchema


class ActorResponse(ResponseSchema):
    """Who made a change."""

    kind = fields.String(
        required=True,
        validate=validate.OneOf(list(ActorKind)),
        metadata={
            "description": "key: a caller with a key. session: a browser that signed in with one. "
            "link: a caller with a link for one task. anonymous: a caller of a service that asks "
            "nobody for a key. worker, maintenance: a part of the service."
        },
    )
    key_id = fields.String(metadata={"description": "Id of the caller's key."})
    name = fields.String(
        metadata={"description": "Name of the key when the change was made, or of the worker."}
    )
    address = fields.String(metadata={"description": "Network address of the caller."})


class MemberChangeResponse(ResponseSchema):
    """A member before and after a change."""

    member = fields.String(
        required=True,
        metadata={"description": "Name of the member of the task; labels/<key> for a label."},
    )
    before = fields.Raw(metadata={"description": "Value before; absent if there was none."})
    after = fields.Raw(metadata={"description": "Value after; absent if there is none."})
    hidden = fields.Boolean(
        metadata={
            "description": "True for payloads, results and long values, which are not shown here."
        }
    )


class HistoryEntryResponse(ResponseSchema):
    """One change of a task."""

    version = fields.Integer(
        required=True, metadata={"description": "Version of the task after the change, from 1."}
    )
    event = fields.String(
        required=True,
        validate=validate.OneOf(
            [event for event in Event if event not in {Event.PROGRESS, Event.DELETED}]
        ),
        metadata={"description": "Name of the change, as in the streams of events."},
    )
    time = Instant(
        required=True, attribute="at", metadata={"description": "When the change was stored."}
    )
    actor = fields.Nested(
        ActorResponse,
        metadata={"description": "Who made the change; absent where that is not known."},
    )
    attempt = fields.Integer(
        metadata={"description": "Number of the run that the change began or ended."}
    )
    changes = fields.List(
        fields.Nested(MemberChangeResponse),
        required=True,
        metadata={"description": "The members that changed, without the times of the task."},
    )


class HistoryResponse(ResponseSchema):
    """The history of a task."""

    entries = fields.List(
        fields.Nested(HistoryEntryResponse),
        required=True,
        metadata={"description": "The changes, oldest first. Reports of progress are not changes."},
    )
    unrecorded = fields.Integer(
        required=True,
        metadata={
            "description": "Number of changes of the task that are not known: the last 200 are "
            "stored, and earlier versions of the service stored none."
        },
    )
    next_cursor = fields.String(
        metadata={"description": "Cursor of the next page; absent at the end."}
    )
