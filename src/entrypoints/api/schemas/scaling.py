"""Schemas of requests and responses about the number of workers that a queue needs."""

from marshmallow import Schema, fields

from application.use_cases.operations.get_scaling import DRAIN_SECONDS
from entrypoints.api.schemas.fields import QueryNumber, Seconds
from entrypoints.api.schemas.response_schema import ResponseSchema

DAY_SECONDS = 86_400


class ScalingQuery(Schema):
    drain_seconds = QueryNumber(
        range(1, DAY_SECONDS + 1),
        load_default=DRAIN_SECONDS,
        metadata={"description": "Seconds within which the waiting tasks are to start, about."},
    )


class ScalingResponse(ResponseSchema):
    """The places that a queue needs, and what they follow from."""

    desired_places = fields.Integer(
        required=True,
        metadata={
            "description": "Number of tasks that the workers of the queue should be able to run at "
            "a time, together. Divided by TASKS_WORKER_CONCURRENCY and rounded up, it is the "
            "number of workers."
        },
    )
    backlog = fields.Integer(required=True, metadata={"description": "Number of QUEUED tasks."})
    oldest_waiting_seconds = Seconds(
        required=True,
        metadata={"description": "Seconds that the oldest QUEUED task has waited; 0 without one."},
    )
    idle_workers = fields.Integer(
        required=True,
        metadata={"description": "Number of living workers that serve it and run nothing."},
    )
