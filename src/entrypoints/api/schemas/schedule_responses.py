"""Schemas of responses about schedules, which application.schedule_serializer writes."""

from marshmallow import fields

from entrypoints.api.schemas.fields import Instant
from entrypoints.api.schemas.response_schema import ResponseSchema
from entrypoints.api.schemas.task_responses import RetryResponse


class ScheduledTaskResponse(ResponseSchema):
    """The task of each slot, in the form of the body of a submit."""

    task_name = fields.String(required=True, metadata={"description": "A label of your choice."})
    type = fields.String(required=True, metadata={"description": "The type of task."})
    duration = fields.Integer(
        metadata={"description": "Seconds of simulated work; only for the type sleep."}
    )
    payload = fields.Dict(
        keys=fields.String(), metadata={"description": "The arguments; for every type but sleep."}
    )
    queue = fields.String(required=True, metadata={"description": "The queue of the task."})
    priority = fields.Integer(
        required=True, metadata={"description": "0 to 9; 9 is started first."}
    )
    timeout = fields.Integer(
        metadata={"description": "Limit on the seconds of one run; absent for that of the type."}
    )
    retry = fields.Nested(
        RetryResponse,
        required=True,
        metadata={"description": "When a failed run is tried again."},
    )
    labels = fields.Dict(
        required=True,
        keys=fields.String(),
        values=fields.String(),
        metadata={"description": "The labels besides schedule, which each task gets."},
    )
    callback_url = fields.String(
        metadata={"description": "URL that receives a webhook when a task is final."}
    )


class LastRunResponse(ResponseSchema):
    """The latest task of a schedule."""

    slot = Instant(
        metadata={"description": "Its slot; absent for a task that was made at once by a caller."}
    )
    task_id = fields.UUID(required=True, metadata={"description": "Id of the task."})
    status = fields.String(
        metadata={"description": "Its status; absent when the task is no longer stored."}
    )


class LastSkipResponse(ResponseSchema):
    """The latest slots that made no task."""

    reason = fields.String(
        required=True,
        metadata={"description": "missed, overlap or too_many_queues."},
    )
    slot = Instant(required=True, metadata={"description": "The last of these slots."})
    slots = fields.Integer(
        required=True, metadata={"description": "Number of slots that were skipped together."}
    )


class ScheduleResponse(ResponseSchema):
    """A schedule. Members without a value are left out."""

    name = fields.String(required=True, metadata={"description": "Name of the schedule."})
    cron = fields.String(metadata={"description": "The cron expression."})
    every = fields.Integer(metadata={"description": "Seconds from one slot to the next."})
    timezone = fields.String(required=True, metadata={"description": "The time zone of cron."})
    task = fields.Nested(
        ScheduledTaskResponse, required=True, metadata={"description": "The task of each slot."}
    )
    overlap = fields.String(
        required=True,
        metadata={"description": "skip, queue or cancel: what happens while the last task runs."},
    )
    catch_up = fields.Integer(
        required=True, metadata={"description": "How many of the latest missed slots are made up."}
    )
    jitter = fields.Integer(
        required=True,
        metadata={"description": "A task is made up to this many seconds after its slot."},
    )
    starts_at = Instant(metadata={"description": "No slot is earlier."})
    ends_at = Instant(metadata={"description": "No slot is later."})
    paused = fields.Boolean(
        required=True, metadata={"description": "A paused schedule has no slots."}
    )
    next_runs = fields.List(
        Instant(),
        required=True,
        metadata={"description": "The next slots, five at most; empty when none follows."},
    )
    last_run = fields.Nested(
        LastRunResponse, metadata={"description": "The latest task; absent before the first one."}
    )
    last_skip = fields.Nested(
        LastSkipResponse, metadata={"description": "The latest slots that made no task."}
    )
    made = fields.Integer(
        required=True, metadata={"description": "Number of tasks that slots have made."}
    )
    skipped = fields.Integer(
        required=True, metadata={"description": "Number of slots that made no task."}
    )
    created_at = Instant(required=True, metadata={"description": "When it was created."})
    updated_at = Instant(required=True, metadata={"description": "When a caller changed it last."})
    version = fields.Integer(
        required=True, metadata={"description": "Grows with each change by a caller."}
    )


class ScheduleListResponse(ResponseSchema):
    """A page of schedules."""

    schedules = fields.List(
        fields.Nested(ScheduleResponse),
        required=True,
        metadata={"description": "The schedules of the page, by their names."},
    )
    next_cursor = fields.String(
        metadata={"description": "Cursor of the next page; absent on the last page."}
    )


class PreviewResponse(ResponseSchema):
    """The next times of a schedule."""

    next_runs = fields.List(
        Instant(),
        required=True,
        metadata={"description": "The next slots in UTC, ten at most."},
    )
