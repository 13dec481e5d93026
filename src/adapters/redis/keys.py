"""The names of everything that is kept in Redis."""

from functools import cache
from hashlib import sha256

from adapters.redis.task_codec import require_id_bytes
from domain.status import Status

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
DISCARDED = b"tm:discarded"
"""Sorted set of final tasks that were deleted while they ran, by the time of their end."""
IDEMPOTENCY_RECORDS = b"tm:receipts"
"""Sorted set of the keys of all idempotency records by the time when they were written or last kept."""
SCHEDULED_BY_QUEUE = b"tm:scheduled-by-queue"
"""Hash of queues to how many of their tasks are scheduled."""
PAUSED = b"tm:paused"
"""Set of the queues that start nothing."""
TYPES = b"tm:types"
"""Set of the types that a task ever had."""
MINUTE_PREFIX = b"tm:minute:"
"""Of hashes that count what happened in one minute since 1970."""
EVENTS = b"tm:events"
"""Stream of what happened, with the record as it stood then, as one text."""
FULL = b"tm:full"
"""There while the store takes no new tasks; maintenance sets it for a few seconds at a time."""
OUTBOX = b"tm:outbox"
"""Sorted set of the messages that are to be delivered, by the time when they are due."""
LEASES = b"tm:leases"
"""Sorted set of running tasks by the end of their lease."""
HELD = b"tm:held"
"""Hash of owners to what each holds: the claim id, a blank, the id of the task and its queue."""
QUEUES = b"tm:queues"
"""Set of the queues that a task names, and for a while those that one named."""
WAITING_QUEUES = b"tm:waiting-queues"
"""Set of every queue in which a task waits. Maintenance takes out those in which none waits any more."""
SEQUENCE = b"tm:sequence"
"""Counter that gives each task its place in its queue, and each wake-up its number."""
CLAIMS = b"tm:claims"
"""Counter of claims: the fence."""


def record(task_id: str) -> bytes:
    """Raises ValueError for text that is not a task id."""
    return RECORD_PREFIX + require_id_bytes(task_id)


def waiting(queue: str) -> bytes:
    """Sorted set of the queue's waiting tasks, the first to be claimed first."""
    return WAITING_PREFIX + queue.encode()


@cache
def status_index(status: Status) -> bytes:
    """Sorted set of the tasks in that state by the time of their submission, as all indexes of this form."""
    return b"tm:status:" + status.value.encode()


def type_index(type: str) -> bytes:
    return b"tm:type:" + type.encode()


def queue_index(queue: str) -> bytes:
    return b"tm:queue:" + queue.encode()


def label_index(key: str, value: str) -> bytes:
    return b"tm:label:" + key.encode() + b"=" + value.encode()


def idempotency_record(name: str) -> bytes:
    """The fingerprint of a request, the ids of its tasks and the time of their submission."""
    return b"tm:receipt:" + sha256(name.encode()).digest()


def log(task_id: str) -> bytes:
    """List of the lines that the task's runs logged."""
    return LOG_PREFIX + require_id_bytes(task_id)


def webhook(entry: bytes) -> bytes:
    """The record as it was when the task became final; `entry` is that of the outbox."""
    return b"tm:message:" + entry


def deliveries(raw_id: bytes) -> bytes:
    """Hash of the tries to tell of a task: each by its number, how often each message was tried, and a counter."""
    return b"tm:deliveries:" + raw_id


def lost(owner: str) -> bytes:
    """The claim and the task of the run that this owner lost."""
    return b"tm:lost:" + owner.encode()


def alive(role: str) -> bytes:
    """Sorted set of the processes of that role by their last heartbeat."""
    return f"tm:alive:{role}".encode()
