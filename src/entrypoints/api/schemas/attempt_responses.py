"""Schemas of responses about the attempts of a task."""

from marshmallow import fields, validate

from domain.attempt import AttemptOutcome
from entrypoints.api.schemas.fields import Instant
from entrypoints.api.schemas.response_schema import ResponseSchema
from entrypoints.api.schemas.task_responses import TaskErrorResponse


class AttemptResponse(ResponseSchema):
    """One run of a task."""

    number = fields.Integer(
        required=True,
        metadata={
            "description": "Number of the attempt, from 1. A run that was handed back or postponed "
            "gives its number back, and a retry by a caller starts again at 1."
        },
    )
    outcome = fields.String(
        required=True,
        validate=validate.OneOf(list(AttemptOutcome)),
        metadata={
            "description": "How the run ended; running while it goes on. handed_back: the worker "
            "stopped or was cut off. postponed: the worker did not know the type."
        },
    )
    queued_at = Instant(
        metadata={
            "description": "From when the task could run: its submission, its run_at, the end of a "
            "back-off or a retry by a caller. Absent where it is not known any more."
        }
    )
    started_at = Instant(required=True, metadata={"description": "When the run started."})
    ended_at = Instant(metadata={"description": "When the run ended; absent while it goes on."})
    worker = fields.String(
        metadata={
            "description": "Name of the worker, as in GET /workers; absent for a task that "
            "succeeded in its first attempt."
        }
    )
    error = fields.Nested(
        TaskErrorResponse,
        metadata={"description": "Why the run failed; at most 300 characters of the message."},
    )
    next_attempt_at = Instant(
        metadata={
            "description": "When the task could run again: the end of the back-off, or the end of "
            "the run. Absent when no attempt followed by itself."
        }
    )


class AttemptsResponse(ResponseSchema):
    """The attempts of a task."""

    attempts = fields.List(
        fields.Nested(AttemptResponse),
        required=True,
        metadata={"description": "The attempts, oldest first."},
    )
    waiting_since = Instant(
        metadata={
            "description": "From when a waiting task can run; a time ahead while it waits for its "
            "run_at or a back-off."
        }
    )
