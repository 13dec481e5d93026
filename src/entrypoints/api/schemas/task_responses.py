"""Schemas of responses about tasks.

`application.task_serializer` writes tasks, since a dump through a schema takes ten times as long. A
test holds the two to each other.
"""

from marshmallow import fields, validate

from domain.status import Status
from entrypoints.api.schemas.fields import Instant
from entrypoints.api.schemas.response_schema import ResponseSchema

ORIGINAL_TIME = {
    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$",
    "example": "2026-01-13 06:53:09",
}


class TaskErrorResponse(ResponseSchema):
    """The reason why a task is not COMPLETED."""

    code = fields.String(
        required=True,
        metadata={"description": "handler_error, timeout, worker_lost, expired or cancelled."},
    )
    message = fields.String(required=True, metadata={"description": "The cause, for people."})


class ProgressResponse(ResponseSchema):
    """Progress that the running task reports."""

    fraction = fields.Float(
        required=True,
        validate=validate.Range(0, 1),
        metadata={"description": "The share that is done, 0 to 1."},
    )
    message = fields.String(
        required=True, metadata={"description": "What is being done, for people."}
    )


class LinksResponse(ResponseSchema):
    """Relative URLs of the task."""

    self = fields.String(required=True, metadata={"description": "URL of the task."})
    events = fields.String(required=True, metadata={"description": "URL of its event stream."})


class RetryResponse(ResponseSchema):
    """The retry policy of a task."""

    max_attempts = fields.Integer(
        required=True,
        metadata={"description": "Number of runs that may fail before the task fails."},
    )
    initial_delay = fields.Float(
        required=True, metadata={"description": "Seconds until the first retry."}
    )
    factor = fields.Float(
        required=True,
        metadata={"description": "Factor by which the delay grows after each further failure."},
    )
    max_delay = fields.Float(
        required=True, metadata={"description": "Limit on the delay in seconds, before jitter."}
    )
    jitter = fields.Float(
        required=True,
        metadata={"description": "Largest share by which a delay is made longer or shorter."},
    )


class ScheduleSlotResponse(ResponseSchema):
    """The schedule that made a task."""

    name = fields.String(required=True, metadata={"description": "Name of the schedule."})
    slot = Instant(
        metadata={
            "description": "The time of the schedule for which the task was made; absent when a "
            "caller had it made at once."
        }
    )


class TaskResponse(ResponseSchema):
    """A task. Members without a value are left out."""

    task_id = fields.UUID(required=True, metadata={"description": "UUID, version 7."})
    task_name = fields.String(required=True, metadata={"description": "The caller's label."})
    type = fields.String(required=True, metadata={"description": "The type of task."})
    duration = fields.Integer(
        metadata={"description": "Seconds of simulated work; only for the type sleep."}
    )
    payload = fields.Dict(
        keys=fields.String(), metadata={"description": "The arguments; for every type but sleep."}
    )
    status = fields.String(
        required=True,
        validate=validate.OneOf(list(Status)),
        metadata={"description": "COMPLETED, FAILED, CANCELLED and EXPIRED are final."},
    )
    submitted_at = fields.String(
        required=True, metadata={"description": "Time of the submit in UTC.", **ORIGINAL_TIME}
    )
    run_at = Instant(metadata={"description": "The task does not start before this time."})
    due_at = Instant(metadata={"description": "When a SCHEDULED task is queued."})
    expires_at = Instant(
        metadata={"description": "The task expires if it has not started by this time."}
    )
    started_at = Instant(metadata={"description": "Start of the last run."})
    finished_at = Instant(metadata={"description": "When the task became final."})
    result = fields.Raw(metadata={"description": "Any JSON; present when COMPLETED."})
    error = fields.Nested(
        TaskErrorResponse, metadata={"description": "Why a final task has no result."}
    )
    last_error = fields.Nested(
        TaskErrorResponse,
        metadata={
            "description": "Why the latest failed or lost run ended; present while the task waits "
            "for another run or runs again."
        },
    )
    progress = fields.Nested(
        ProgressResponse,
        metadata={"description": "The last progress report. Absent once COMPLETED."},
    )
    attempt = fields.Integer(
        required=True,
        metadata={"description": "Number of runs that have started, crashed runs included."},
    )
    max_attempts = fields.Integer(
        required=True,
        metadata={"description": "Number of runs that may fail before the task fails."},
    )
    cancel_requested = fields.Boolean(
        metadata={"description": "True while a running task is being stopped."}
    )
    queue = fields.String(required=True, metadata={"description": "The queue of the task."})
    priority = fields.Integer(
        required=True, metadata={"description": "0 to 9; 9 is started first."}
    )
    labels = fields.Dict(
        required=True,
        keys=fields.String(),
        values=fields.String(),
        metadata={"description": "The caller's labels, for filtering."},
    )
    timeout = fields.Integer(
        required=True, metadata={"description": "Limit on the seconds of one run."}
    )
    retry = fields.Nested(
        RetryResponse,
        required=True,
        metadata={"description": "When a failed run is tried again."},
    )
    queue_position = fields.Integer(
        metadata={"description": "Place in the queue, from 1; present while QUEUED."}
    )
    callback_url = fields.String(
        metadata={"description": "URL that receives a webhook when the task is final."}
    )
    submitted_by = fields.String(
        metadata={"description": "Id of the key that submitted the task; absent without one."}
    )
    schedule = fields.Nested(
        ScheduleSlotResponse,
        metadata={"description": "The schedule that made the task; absent for other tasks."},
    )
    version = fields.Integer(
        required=True, metadata={"description": "Grows with every change of the task."}
    )
    omitted = fields.List(
        fields.String(validate=validate.OneOf(["payload", "result"])),
        metadata={"description": "Members of more than 4 KiB that a list or an event leaves out."},
    )
    links = fields.Nested(
        LinksResponse, required=True, metadata={"description": "Relative URLs of the task."}
    )


class WarningResponse(ResponseSchema):
    """A warning about an accepted task."""

    code = fields.String(
        required=True, metadata={"description": "A stable word for programs: queue_unserved."}
    )
    queue = fields.String(required=True, metadata={"description": "The queue in question."})
    message = fields.String(required=True, metadata={"description": "The warning, for people."})


WARNINGS = {
    "description": "Warnings, 20 at most; absent when there are none. The tasks are accepted "
    "nevertheless. A queue that no worker has served for 30 seconds causes a warning."
}


class SubmittedResponse(TaskResponse):
    """A task as it was accepted. Members without a value are left out."""

    warnings = fields.List(fields.Nested(WarningResponse), metadata=WARNINGS)


class PaginationResponse(ResponseSchema):
    """The place of a page in the list.

    A page that was asked for by its cursor has no number. Totals are absent when they are not
    known.
    """

    current_page = fields.Integer(metadata={"description": "The number of this page, from 1."})
    page_size = fields.Integer(
        required=True, metadata={"description": "Limit on the tasks of a page."}
    )
    total_pages = fields.Integer(metadata={"description": "Number of pages."})
    total_tasks = fields.Integer(metadata={"description": "Number of matching tasks."})
    next_cursor = fields.String(
        metadata={"description": "Cursor of the next page; absent on the last page."}
    )


class TaskListResponse(ResponseSchema):
    """A page of tasks."""

    pagination = fields.Nested(
        PaginationResponse,
        required=True,
        metadata={"description": "The place of this page in the list."},
    )
    tasks = fields.List(
        fields.Nested(TaskResponse),
        required=True,
        metadata={"description": "The tasks of the page."},
    )


class BatchResponse(ResponseSchema):
    """The tasks of a batch."""

    tasks = fields.List(
        fields.Nested(TaskResponse),
        required=True,
        metadata={"description": "The accepted tasks, in the order of the request."},
    )
    warnings = fields.List(fields.Nested(WarningResponse), metadata=WARNINGS)


class ActionResponse(ResponseSchema):
    """The result of an action on many tasks."""

    matched = fields.Integer(
        required=True,
        metadata={"description": "Number of tasks that this call processed; 10,000 at most."},
    )
    done = fields.Integer(
        required=True,
        metadata={
            "description": "Number of tasks that were changed; 0 with dry_run. The status of the "
            "other tasks does not allow the action."
        },
    )
    would_be_done = fields.Integer(
        metadata={"description": "Number of tasks that would be changed; present with dry_run."}
    )
    remaining = fields.Integer(
        required=True,
        metadata={
            "description": "Lower bound on matching tasks that were not processed; 0 means that "
            "all were. Call again until it is 0."
        },
    )


class TaskCountsResponse(ResponseSchema):
    """Number of tasks by status, for a filter."""

    by_status = fields.Dict(
        required=True,
        keys=fields.String(),
        values=fields.Integer(),
        metadata={
            "description": "Number of matching tasks by status. A status whose number is not known "
            "is absent."
        },
    )
    exact = fields.Boolean(
        required=True, metadata={"description": "True when the number of each status is known."}
    )
