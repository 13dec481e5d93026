"""Schemas of requests and responses about statistics over time."""

from typing import Any

from marshmallow import Schema, fields

from application.use_cases.operations.get_series import Grouping, Span
from entrypoints.api.schemas.fields import Instant, OneOf
from entrypoints.api.schemas.response_schema import ResponseSchema


class SeriesQuery(Schema):
    span = OneOf(
        list(Span),
        load_default=Span.HOUR.value,
        metadata={
            "description": "The time until now: 5m, 60m and 2h by minute; 24h, 7d and 14d by hour."
        },
    )
    by = OneOf(
        list(Grouping),
        load_default=Grouping.QUEUE.value,
        metadata={"description": "A series for each queue, or for each type."},
    )


def _counts(description: str) -> Any:
    return fields.List(
        fields.Integer(), required=True, metadata={"description": f"{description} in each step."}
    )


def _values(description: str) -> Any:
    return fields.List(
        fields.Float(allow_none=True), required=True, metadata={"description": description}
    )


class TimeSeriesResponse(ResponseSchema):
    """Values of one queue or type, or of several together. Each list has a value for each step."""

    name = fields.String(
        metadata={"description": "Name of the queue or type; absent for sums of several."}
    )
    submitted = _counts("Number of tasks submitted")
    completed = _counts("Number of tasks that became COMPLETED")
    failed = _counts("Number of tasks that became FAILED")
    cancelled = _counts("Number of tasks that became CANCELLED")
    expired = _counts("Number of tasks that became EXPIRED")
    retried = _counts("Number of runs that failed or were lost and that another attempt follows,")
    backlog = _values(
        "The greatest number of QUEUED tasks at the end of a minute of the step; null without a "
        "sample, and for types."
    )
    wait_p50 = _values(
        "Seconds from the submission, or the run_at, to the start of the last run, of tasks that "
        "ended after a run: half waited at most so long. At most 12 % from the truth; null when "
        "none ended."
    )
    wait_p95 = _values("The same for 95 %.")
    run_p50 = _values("Seconds of the last run: half took at most so long.")
    run_p95 = _values("The same for 95 %.")


class SeriesResponse(ResponseSchema):
    """Statistics over time."""

    step_seconds = fields.Integer(
        required=True, metadata={"description": "Length of a step: 60 or 3600."}
    )
    begins_at = fields.List(
        Instant(),
        required=True,
        metadata={"description": "The beginning of each step. The last one is not over."},
    )
    total = fields.Nested(TimeSeriesResponse, required=True, metadata={"description": "All tasks."})
    series = fields.List(
        fields.Nested(TimeSeriesResponse),
        required=True,
        metadata={"description": "The 20 queues or types with the most tasks, by name."},
    )
    others = fields.Nested(
        TimeSeriesResponse,
        metadata={
            "description": "All other queues or types together, without durations; absent without "
            "any."
        },
    )
