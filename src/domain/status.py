"""The states of a task: who puts it there, who moves it on, and what a crash leaves behind."""

from collections.abc import Mapping
from enum import StrEnum


class Status(StrEnum):
    SCHEDULED = "SCHEDULED"
    """Accepted for later, or a retry is not due yet. Maintenance queues it when due; a crash leaves nothing to mend."""

    QUEUED = "QUEUED"
    """Waits for a worker, whose claim moves it on; cancel ends it. A crash may leave it without a wake-up:
    maintenance puts one."""

    PROCESSING = "PROCESSING"
    """Run by the one worker that holds its lease, which also finishes it. A crash leaves a lease that
    expires: maintenance queues the task again."""

    COMPLETED = "COMPLETED"
    """Final: the work returned a result. Removed when its retention is over."""

    FAILED = "FAILED"
    """Final: the work failed for good. Removed when its retention is over; a caller may try it again."""

    CANCELLED = "CANCELLED"
    """Final: a caller asked for it. Removed when its retention is over; a caller may try it again."""

    EXPIRED = "EXPIRED"
    """Final: it was not started in time. Removed when its retention is over; a caller may try it again."""

    __hash__ = str.__hash__
    """A member equals its text; Enum's own hash is a function in Python, which each look into a set would call."""

    @property
    def is_waiting(self) -> bool:
        return self in WAITING

    @property
    def is_final(self) -> bool:
        return self in FINAL


WAITING = frozenset({Status.SCHEDULED, Status.QUEUED})
FINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.EXPIRED})

NEXT: Mapping[Status, frozenset[Status]] = {
    Status.SCHEDULED: frozenset({Status.QUEUED, Status.CANCELLED, Status.EXPIRED}),
    Status.QUEUED: frozenset({Status.PROCESSING, Status.SCHEDULED, Status.CANCELLED, Status.EXPIRED}),
    Status.PROCESSING: frozenset({Status.QUEUED, Status.SCHEDULED, Status.COMPLETED, Status.FAILED, Status.CANCELLED}),
    Status.COMPLETED: frozenset(),
    Status.FAILED: frozenset({Status.QUEUED}),
    Status.CANCELLED: frozenset({Status.QUEUED}),
    Status.EXPIRED: frozenset({Status.QUEUED}),
}
"""Where each state may go. Every change of state is checked against this table."""
