"""Schemas of responses about the delivery attempts of webhooks."""

from marshmallow import fields, validate

from domain.webhook import DeliveryOutcome
from entrypoints.api.schemas.fields import Instant
from entrypoints.api.schemas.response_schema import ResponseSchema


class DeliveryResponse(ResponseSchema):
    """A delivery attempt of a webhook. Either status or error says how it went."""

    number = fields.Integer(
        required=True,
        metadata={"description": "Number of the delivery attempt, from 1, for its resend URL."},
    )
    message_id = fields.String(
        required=True,
        metadata={
            "description": "The webhook-id. All delivery attempts of one webhook have the same."
        },
    )
    event = fields.String(required=True, metadata={"description": "The event that was sent."})
    time = Instant(
        required=True,
        attribute="attempt.at",
        metadata={"description": "When the webhook was sent."},
    )
    status = fields.Integer(
        attribute="attempt.status",
        metadata={"description": "HTTP status of the response; absent when there was none."},
    )
    error = fields.String(
        attribute="attempt.error",
        metadata={"description": "Why there was no response; absent when there was one."},
    )
    outcome = fields.String(
        required=True,
        attribute="attempt.outcome",
        validate=validate.OneOf(list(DeliveryOutcome)),
        metadata={"description": "State of the webhook after this delivery attempt."},
    )
    next_try = Instant(
        attribute="attempt.next_at",
        metadata={
            "description": (
                "Time of the next delivery attempt; absent once the webhook was "
                "delivered or given up."
            )
        },
    )


class DeliveriesResponse(ResponseSchema):
    """The delivery attempts of a task's webhooks."""

    deliveries = fields.List(
        fields.Nested(DeliveryResponse),
        required=True,
        metadata={"description": "The delivery attempts, oldest first."},
    )


class LoggedDeliveryResponse(DeliveryResponse):
    """A delivery attempt among those of all tasks."""

    task_id = fields.String(
        required=True,
        metadata={"description": "Id of the task, which may have been deleted since."},
    )
    host = fields.String(required=True, metadata={"description": "Host of the callback URL."})


class DeliveryListResponse(ResponseSchema):
    """A page of the delivery attempts of all tasks."""

    deliveries = fields.List(
        fields.Nested(LoggedDeliveryResponse),
        required=True,
        metadata={"description": "The delivery attempts, newest first."},
    )
    pending = fields.Integer(
        required=True,
        metadata={"description": "Number of webhooks that are neither delivered nor given up."},
    )
    next_cursor = fields.String(
        metadata={"description": "Cursor of the next page; absent on the last page."}
    )
