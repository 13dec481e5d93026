"""The states of a task: what each means, who moves a task on, and what a crash leaves behind."""

from collections.abc import Mapping
from enum import StrEnum


class Status(StrEnum):
    SCHEDULED = "SCHEDULED"
    """Waits for its run_at, or for its next attempt. Maintenance queues it when it is due.
    A crash leaves nothing to repair."""

    QUEUED = "QUEUED"
    """Waits for a worker, whose claim starts it. A crash may leave it without a wake-up:
    maintenance adds one."""

    PROCESSING = "PROCESSING"
    """Runs in the one worker that holds its lease, and which also finishes it. A crash leaves a
    lease that expires: maintenance queues the task again.
    """

    COMPLETED = "COMPLETED"
    """Final: the run returned a result. Removed when its retention is over."""

    FAILED = "FAILED"
    """Final: no attempt is left. Removed when its retention is over; a caller may retry it."""

    CANCELLED = "CANCELLED"
    """Final: a caller cancelled it. Removed when its retention is over; a caller may retry it."""

    EXPIRED = "EXPIRED"
    """Final: it had not started by its expires_at. Removed when its retention is over; a caller may
    retry it."""

    __hash__ = str.__hash__
    """Use the hash of the text, which a member equals. Enum's own is a Python function and slow."""

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
    Status.QUEUED: frozenset(
        {Status.PROCESSING, Status.SCHEDULED, Status.CANCELLED, Status.EXPIRED}
    ),
    Status.PROCESSING: frozenset(
        {Status.QUEUED, Status.SCHEDULED, Status.COMPLETED, Status.FAILED, Status.CANCELLED}
    ),
    Status.COMPLETED: frozenset(),
    Status.FAILED: frozenset({Status.QUEUED}),
    Status.CANCELLED: frozenset({Status.QUEUED}),
    Status.EXPIRED: frozenset({Status.QUEUED}),
}
"""The states that may follow each state. Every change of state is checked against this table."""
