"""The events that followers are told of: one for each change of a task, and skipped slots."""

from enum import StrEnum

from domain.status import Status
from domain.task import Task


class Event(StrEnum):
    SUBMITTED = "task.submitted"
    SCHEDULED = "task.scheduled"
    STARTED = "task.started"
    PROGRESS = "task.progress"
    COMPLETED = "task.completed"
    FAILED = "task.failed"
    RETRYING = "task.retrying"
    CANCELLED = "task.cancelled"
    EXPIRED = "task.expired"
    UPDATED = "task.updated"
    DELETED = "task.deleted"
    RECOVERED = "task.recovered"
    SCHEDULE_SKIPPED = "schedule.skipped"
    """Slots of a schedule made no task."""


FINAL_EVENTS = {
    Status.COMPLETED: Event.COMPLETED,
    Status.FAILED: Event.FAILED,
    Status.CANCELLED: Event.CANCELLED,
    Status.EXPIRED: Event.EXPIRED,
}


def event_of(before: Task | None, after: Task | None) -> Event:
    """Return the event of a change. `before` is None for a new task, `after` for a removed one."""
    if after is None:
        return Event.DELETED
    if before is None:
        return Event.SCHEDULED if after.status is Status.SCHEDULED else Event.SUBMITTED
    if before.status is after.status:
        return Event.UPDATED
    if after.status.is_final:
        return FINAL_EVENTS[after.status]
    if after.status is Status.PROCESSING:
        return Event.STARTED
    if before.status.is_final:
        return Event.RETRYING
    if before.status is Status.PROCESSING:
        return Event.RETRYING if after.status is Status.SCHEDULED else Event.RECOVERED
    return Event.SCHEDULED if after.status is Status.SCHEDULED else Event.UPDATED
