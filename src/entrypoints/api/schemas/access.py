"""Schemas of keys and sessions."""

from datetime import timedelta
from typing import Any

from marshmallow import fields, post_load

from domain.access import KEY_NAME_LENGTH, MAX_BOUND_LABELS, MAX_BOUND_QUEUES, Role
from domain.task_spec import LABEL_VALUE_LENGTH
from entrypoints.api.schemas.bounded import BoundedDict, BoundedList
from entrypoints.api.schemas.fields import (
    Instant,
    Name,
    OneOf,
    QueueName,
    Text,
    WholeNumber,
    label_key,
)
from entrypoints.api.schemas.response_schema import ResponseSchema
from entrypoints.api.schemas.strict_schema import StrictSchema

MAX_OLD_SECRET_SECONDS = 30 * 86_400


class KeyBody(StrictSchema):
    """A new key."""

    name = Name(
        KEY_NAME_LENGTH, required=True, metadata={"description": "What or who uses the key."}
    )
    role = OneOf(
        Role,
        required=True,
        metadata={
            "description": "viewer reads, submitter has the tasks that this key submits, operator "
            "does all that tasks and queues offer, admin manages keys as well, metrics reads "
            "GET /metrics and GET /queues/<queue>/scaling alone."
        },
    )
    queues = BoundedList(
        QueueName(),
        range(1, MAX_BOUND_QUEUES + 1),
        error=f"Must be 1 to {MAX_BOUND_QUEUES} queues.",
        metadata={"description": "The key has only tasks of these queues."},
    )
    labels = BoundedDict(
        MAX_BOUND_LABELS,
        error=f"At most {MAX_BOUND_LABELS} labels are allowed.",
        keys=label_key(),
        values=Text(LABEL_VALUE_LENGTH),
        metadata={
            "description": "The key has only tasks with these labels. Tasks that it submits get "
            "them.",
            "maxProperties": MAX_BOUND_LABELS,
        },
    )
    expires_at = Instant(metadata={"description": "The key is refused from this time on."})

    @post_load
    def name_the_role(self, members: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**members, "role": Role(members["role"])}


class RotationBody(StrictSchema):
    """The way to replace the secret of a key."""

    keep_seconds = WholeNumber(
        range(MAX_OLD_SECRET_SECONDS + 1),
        metadata={
            "description": "Seconds for which the old secret opens the key, too. The default is 0."
        },
    )

    @post_load
    def duration(self, members: dict[str, int], **_: Any) -> timedelta:
        return timedelta(seconds=members.get("keep_seconds", 0))


def bound_queues() -> fields.List[Any]:
    return fields.List(
        fields.String(),
        required=True,
        metadata={"description": "The queues to which the key is bound; empty for all."},
    )


def bound_labels() -> fields.Dict:
    return fields.Dict(
        required=True,
        keys=fields.String(),
        values=fields.String(),
        metadata={"description": "The labels to which the key is bound; empty for all tasks."},
    )


class KeyResponse(ResponseSchema):
    """A key, without its secret."""

    key_id = fields.String(required=True, metadata={"description": "Id of the key."})
    name = fields.String(required=True, metadata={"description": "What or who uses the key."})
    role = fields.String(required=True, metadata={"description": "What the key may do."})
    queues = bound_queues()
    labels = bound_labels()
    created_at = Instant(required=True, metadata={"description": "When the key was made."})
    expires_at = Instant(metadata={"description": "The key is refused from this time on."})


class ListedKeyResponse(KeyResponse):
    """A key and its latest use."""

    last_used_at = Instant(
        metadata={"description": "The minute of the latest use; absent when it was never used."}
    )


class KeyListResponse(ResponseSchema):
    """All keys, without their secrets."""

    keys = fields.List(
        fields.Nested(ListedKeyResponse),
        required=True,
        metadata={"description": "The keys, oldest first. Expired ones are among them."},
    )


class IssuedKeyResponse(KeyResponse):
    """A key with its token, which is shown this once."""

    token = fields.String(
        required=True,
        metadata={
            "description": "Send it as Authorization: Bearer <token>. It cannot be read again."
        },
    )


class SessionResponse(ResponseSchema):
    """The rights of the caller of this request."""

    needs_key = fields.Boolean(
        required=True, metadata={"description": "False when the service asks nobody for a key."}
    )
    key_id = fields.String(metadata={"description": "Id of the caller's key; absent without one."})
    name = fields.String(metadata={"description": "Name of the key."})
    role = fields.String(required=True, metadata={"description": "Role of the caller."})
    permissions = fields.List(
        fields.String(), required=True, metadata={"description": "What the caller may do."}
    )
    queues = bound_queues()
    labels = bound_labels()
