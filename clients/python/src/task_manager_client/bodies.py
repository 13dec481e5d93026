"""The bodies and filters of requests, with the names of the specification."""

from datetime import datetime
from typing import Any, Required, TypedDict

from task_manager_client.models import OverlapName, StatusName

Time = datetime | str
"""An aware datetime, or RFC 3339 text."""


class RetrySettings(TypedDict, total=False):
    """The retry policy of a new task. Delays are in seconds."""

    max_attempts: int
    initial_delay: float
    factor: float
    max_delay: float
    jitter: float


class TaskSettings(TypedDict, total=False):
    """The optional members of a task. `timeout` and `duration` are in seconds."""

    type: str
    duration: int
    payload: dict[str, Any]
    queue: str
    priority: int
    run_at: Time
    expires_at: Time
    timeout: int
    retry: RetrySettings
    labels: dict[str, str]
    callback_url: str


class NewTask(TaskSettings):
    """A task to submit."""

    task_name: Required[str]


class RetryChanges(TypedDict, total=False):
    """Changes of the retry policy. None gives a member its default again."""

    max_attempts: int | None
    initial_delay: float | None
    factor: float | None
    max_delay: float | None
    jitter: float | None


class TaskChanges(TypedDict, total=False):
    """Changes of a task: a JSON merge patch. None gives a member its default again."""

    task_name: str
    duration: int
    payload: dict[str, Any] | None
    queue: str | None
    priority: int | None
    run_at: Time | None
    expires_at: Time | None
    timeout: int | None
    retry: RetryChanges | None
    labels: dict[str, str | None] | None
    callback_url: str | None


class ScheduleTimes(TypedDict, total=False):
    """When a schedule submits its task: `cron` in a `timezone`, or `every` so many seconds."""

    cron: str
    every: int
    timezone: str
    starts_at: Time
    ends_at: Time


class ScheduleSettings(ScheduleTimes, total=False):
    """A schedule. `jitter` is in seconds."""

    task: NewTask
    overlap: OverlapName
    catch_up: int
    jitter: int
    paused: bool


class ScheduleChanges(TypedDict, total=False):
    """Changes of a schedule: a JSON merge patch. None gives a member its default again."""

    cron: str | None
    every: int | None
    timezone: str | None
    task: TaskChanges
    overlap: OverlapName | None
    catch_up: int | None
    jitter: int | None
    starts_at: Time | None
    ends_at: Time | None
    paused: bool | None


class Filter(TypedDict, total=False):
    """A filter of tasks, all members of which must hold. `q` searches in texts of the task."""

    status: StatusName | list[StatusName]
    type: str
    queue: str
    labels: dict[str, str]
    submitted_after: Time
    submitted_before: Time
    task_name: str
    q: str
