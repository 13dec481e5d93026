"""The names of everything that is kept in Redis."""

from adapters.redis.task_codec import id_bytes

RECORD_PREFIX = b"tm:task:"
WAITING_PREFIX = b"tm:waiting:"
LOG_PREFIX = b"tm:log:"

SUBMITTED = b"tm:tasks"
"""Sorted set of all tasks by the time of their submission."""
FINISHED = b"tm:finished"
"""List of final tasks, first finished first, as id and time: 32 bytes each where a sorted set takes 128."""
SCHEDULED = b"tm:scheduled"
"""Sorted set of scheduled tasks by the time when they are due."""
EXPIRING = b"tm:expiring"
"""Sorted set of waiting tasks that have an expires_at, by that time."""
EVENTS = b"tm:events"
"""Stream of what happened, with the record as it stood then."""
FULL = b"tm:full"
"""There while the store takes no new tasks; maintenance sets it for a few seconds at a time."""
LEASES = b"tm:leases"
"""Sorted set of running tasks by the end of their lease."""
HELD = b"tm:held"
"""Hash of owners to the claim id and the task that each holds."""
QUEUES = b"tm:queues"
"""Set of the queues that a task ever named."""
SEQUENCE = b"tm:sequence"
"""Counter that gives each task its place in its queue, and each token its number."""
CLAIMS = b"tm:claims"
"""Counter of claims: the fence."""


def record(task_id: str) -> bytes:
    """Raises ValueError for text that is not a task id."""
    raw = id_bytes(task_id)
    if raw is None:
        raise ValueError(f"not a task id: {task_id!r}")
    return RECORD_PREFIX + raw


def waiting(queue: str) -> bytes:
    """Sorted set of the queue's waiting tasks, the first to be claimed first."""
    return WAITING_PREFIX + queue.encode()


def log(task_id: str) -> bytes:
    """List of the lines that the task's runs logged."""
    return LOG_PREFIX + record(task_id).removeprefix(RECORD_PREFIX)


def lost(owner: str) -> bytes:
    """The claim and the task of the run that this owner lost."""
    return b"tm:lost:" + owner.encode()


def alive(role: str) -> bytes:
    """Sorted set of the processes of that role by their last heartbeat."""
    return f"tm:alive:{role}".encode()
