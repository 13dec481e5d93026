"""Schemas of responses about the log of a task."""

from marshmallow import fields

from entrypoints.api.schemas.fields import Instant
from entrypoints.api.schemas.response_schema import ResponseSchema


class LogLineResponse(ResponseSchema):
    """A line that a run logged."""

    number = fields.Integer(
        required=True,
        metadata={"description": "Counts the lines of the task from 1; see the parameter after."},
    )
    time = Instant(
        required=True, attribute="at", metadata={"description": "When the line was logged."}
    )
    attempt = fields.Integer(
        required=True, metadata={"description": "Number of the run that logged it, from 1."}
    )
    message = fields.String(required=True, metadata={"description": "The text of the line."})


class LogResponse(ResponseSchema):
    """The log of a task."""

    lines = fields.List(
        fields.Nested(LogLineResponse),
        required=True,
        metadata={"description": "The lines, oldest first."},
    )
