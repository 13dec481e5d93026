"""The responses of the API about schedules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from task_manager_client.models import Model, RetryPolicy


@dataclass(frozen=True, kw_only=True)
class ScheduledTask(Model):
    """The task of each slot, in the form in which it is submitted."""

    task_name: str
    type: str
    queue: str
    priority: int
    retry: RetryPolicy
    labels: Mapping[str, str]
    duration: int | None = None
    payload: Mapping[str, Any] | None = None
    timeout: int | None = None
    callback_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class LastRun(Model):
    """The latest task of a schedule. `status` is None if it is no longer stored."""

    task_id: str
    slot: datetime | None = None
    status: str | None = None


@dataclass(frozen=True, kw_only=True)
class LastSkip(Model):
    """The latest slots that made no task."""

    reason: str
    slot: datetime
    slots: int


@dataclass(frozen=True, kw_only=True)
class SkippedSlots(LastSkip):
    """Slots of a schedule that made no task, in an event `schedule.skipped`."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Schedule(Model):
    """A schedule. `every` and `jitter` are in seconds."""

    name: str
    timezone: str
    task: ScheduledTask
    overlap: str
    catch_up: int
    jitter: int
    paused: bool
    next_runs: tuple[datetime, ...]
    made: int
    skipped: int
    created_at: datetime
    updated_at: datetime
    version: int
    cron: str | None = None
    every: int | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    last_run: LastRun | None = None
    last_skip: LastSkip | None = None
    etag: str | None = field(default=None, compare=False)
    """The header ETag of the response, for `if_match`. None where the API sends none."""


@dataclass(frozen=True, kw_only=True)
class SchedulePage(Model):
    """A page of schedules, by their names."""

    schedules: tuple[Schedule, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, kw_only=True)
class Preview(Model):
    """The next times of a schedule."""

    next_runs: tuple[datetime, ...]
