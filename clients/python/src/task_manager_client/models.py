"""The responses of the API, as frozen dataclasses.

The names are those of the specification (docs/openapi.json). Members that a response left out are
None, or empty for lists and maps. Times are aware datetimes in UTC. `raw` is the JSON object as the
service sent it, with members that this version of the client does not know.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

StatusName = Literal[
    "SCHEDULED", "QUEUED", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED", "EXPIRED"
]
OutcomeName = Literal["delivered", "to_be_retried", "given_up"]
ActionName = Literal["cancel", "retry", "delete"]
SortName = Literal["submitted_at", "-submitted_at"]
OverlapName = Literal["skip", "queue", "cancel"]

FINAL_STATUSES = frozenset({"COMPLETED", "FAILED", "CANCELLED", "EXPIRED"})


@dataclass(frozen=True, kw_only=True)
class Model:
    """An object of a response."""

    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, kw_only=True)
class TaskError(Model):
    """The reason why a task is not COMPLETED, or why its latest run failed."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Progress(Model):
    """Progress that the running task reports; `fraction` is from 0 to 1."""

    fraction: float
    message: str


@dataclass(frozen=True, kw_only=True)
class RetryPolicy(Model):
    """The retry policy of a task. Delays are in seconds."""

    max_attempts: int
    initial_delay: float
    factor: float
    max_delay: float
    jitter: float


@dataclass(frozen=True, kw_only=True)
class Links(Model):
    """Relative URLs of the task. `self_` is the member `self` of the response."""

    self_: str
    events: str


@dataclass(frozen=True, kw_only=True)
class SubmitWarning(Model):
    """A problem of an accepted task, such as a queue that no worker serves."""

    code: str
    queue: str
    message: str


@dataclass(frozen=True, kw_only=True)
class ScheduleSlot(Model):
    """The schedule that made a task. `slot` is None if a caller had it made at once."""

    name: str
    slot: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Task(Model):
    """A task. `timeout` and `duration` are in seconds."""

    task_id: str
    task_name: str
    type: str
    status: str
    submitted_at: datetime
    attempt: int
    max_attempts: int
    queue: str
    priority: int
    labels: Mapping[str, str]
    timeout: int
    retry: RetryPolicy
    version: int
    links: Links
    duration: int | None = None
    payload: Mapping[str, Any] | None = None
    run_at: datetime | None = None
    due_at: datetime | None = None
    expires_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    result: Any = None
    error: TaskError | None = None
    last_error: TaskError | None = None
    progress: Progress | None = None
    cancel_requested: bool = False
    queue_position: int | None = None
    callback_url: str | None = None
    submitted_by: str | None = None
    schedule: ScheduleSlot | None = None
    omitted: tuple[str, ...] = ()
    """Members that were left out because they are longer than 4 KiB; `Client.get` returns them."""
    warnings: tuple[SubmitWarning, ...] = ()
    etag: str | None = field(default=None, compare=False)
    """The header ETag of the response, for `if_match`. None where the API sends none."""
    replayed: bool = field(default=False, compare=False)
    """Whether an earlier request with the same idempotency key submitted this task."""

    @property
    def is_final(self) -> bool:
        """Return whether the task has ended: COMPLETED, FAILED, CANCELLED or EXPIRED."""
        return self.status in FINAL_STATUSES


@dataclass(frozen=True, kw_only=True)
class Pagination(Model):
    """The place of a page in the list. Totals are None when the service does not know them."""

    page_size: int
    current_page: int | None = None
    total_pages: int | None = None
    total_tasks: int | None = None
    next_cursor: str | None = None


@dataclass(frozen=True, kw_only=True)
class Page(Model):
    """A page of tasks."""

    pagination: Pagination
    tasks: tuple[Task, ...]


@dataclass(frozen=True, kw_only=True)
class Batch(Model):
    """The tasks of one POST /tasks/batch, in the order in which they were sent."""

    tasks: tuple[Task, ...]
    warnings: tuple[SubmitWarning, ...] = ()
    replayed: bool = False
    """Whether an earlier request with the same idempotency key submitted these tasks."""


@dataclass(frozen=True, kw_only=True)
class ActionResult(Model):
    """The result of an action on many tasks. `remaining` is a lower bound; 0 means none."""

    matched: int
    done: int
    remaining: int
    would_be_done: int | None = None
    """In a dry run, the number of tasks that the action would change."""


@dataclass(frozen=True, kw_only=True)
class Attempt(Model):
    """One run of a task. `next_attempt_at` is the end of the back-off after it."""

    number: int
    outcome: str
    started_at: datetime
    queued_at: datetime | None = None
    ended_at: datetime | None = None
    worker: str | None = None
    error: TaskError | None = None
    next_attempt_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Attempts(Model):
    """The runs of a task, oldest first. `waiting_since` is the time from which it can run."""

    attempts: tuple[Attempt, ...]
    waiting_since: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class LogLine(Model):
    """A line that a run logged. `number` counts the lines of the task from 1."""

    number: int
    time: datetime
    attempt: int
    message: str


@dataclass(frozen=True, kw_only=True)
class Log(Model):
    """The log of a task."""

    lines: tuple[LogLine, ...]


@dataclass(frozen=True, kw_only=True)
class Delivery(Model):
    """A delivery attempt of a callback. Either `status` or `error` says how it went."""

    number: int
    message_id: str
    event: str
    time: datetime
    outcome: str
    status: int | None = None
    error: str | None = None
    next_try: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Deliveries(Model):
    """The delivery attempts of a task's callbacks."""

    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, kw_only=True)
class LoggedDelivery(Delivery):
    """A delivery attempt of any task, which may have been deleted since."""

    task_id: str
    host: str


@dataclass(frozen=True, kw_only=True)
class DeliveryPage(Model):
    """Delivery attempts of all tasks. `pending` callbacks are neither delivered nor given up."""

    deliveries: tuple[LoggedDelivery, ...]
    pending: int
    next_cursor: str | None = None
