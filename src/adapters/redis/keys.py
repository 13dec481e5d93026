"""The names of all keys in Redis.

Some are historic, since stored data has them: tm:receipts and tm:receipt: hold idempotency records,
tm:message: holds webhooks.
"""

from functools import cache, lru_cache
from hashlib import sha256

from adapters.redis.id_codec import require_id_bytes
from domain.status import Status

RECORD_PREFIX = b"tm:task:"
WAITING_PREFIX = b"tm:waiting:"
LOG_PREFIX = b"tm:log:"
NAMES_REMEMBERED = 1_000
"""Limit on the names of keys that are not made anew each time."""

SUBMITTED = b"tm:tasks"
"""Sorted set of all tasks by submitted_at."""
FINISHED = b"tm:finished"
"""List of final tasks in the order of their end, see entries.finished_entry.

An entry takes 32 bytes. In a sorted set it would take 128.
"""
SCHEDULED = b"tm:scheduled"
"""Sorted set of scheduled tasks by due_at."""
EXPIRING = b"tm:expiring"
"""Sorted set of waiting tasks that have an expires_at, by expires_at."""
DISCARDED = b"tm:discarded"
"""Sorted set of final tasks that were deleted while they ran, by finished_at."""
IDEMPOTENCY_RECORDS = b"tm:receipts"
"""Sorted set of the keys of all idempotency records by the time of the last store or renewal."""
SCHEDULED_BY_QUEUE = b"tm:scheduled-by-queue"
"""Hash of the number of scheduled tasks of each queue."""
PAUSED = b"tm:paused"
"""Set of the paused queues."""
TYPES = b"tm:types"
"""Set of all types that a task ever had."""
MINUTE_PREFIX = b"tm:minute:"
"""Prefix of hashes of counters, one for each minute since 1970."""
COUNTERS_PREFIX = b"tm:counters:"
"""Prefix of hashes of counters by queue and type, one for each minute since 1970; see series."""
MINUTE_SERIES_PREFIX = b"tm:series:m:"
TOTALS = b"tm:totals"
"""Hash of what was counted since the first start; see totals."""
EVENTS = b"tm:events"
"""Stream of events, each with the record as it was then, as one text."""
FULL = b"tm:full"
"""A string that exists while new tasks are refused. Maintenance sets it for 3 seconds."""
OUTBOX = b"tm:outbox"
"""Sorted set of the webhooks to deliver, by the time when they are due.

See entries.outbox_entry.
"""
DELIVERY_LOG = b"tm:delivery-log"
"""Stream of the latest delivery attempts of all tasks; see delivery_log."""
LEASES = b"tm:leases"
"""Sorted set of running tasks by the end of their lease."""
HELD = b"tm:held"
"""Hash of the run that each owner holds; see entries.held_entry."""
QUEUES = b"tm:queues"
"""Set of the queues that a task names, and for a while of those that a task named."""
WAITING_QUEUES = b"tm:waiting-queues"
"""Set of the lanes in which a task waits. Maintenance removes those that are empty."""
SEQUENCE = b"tm:sequence"
"""Counter of the places of tasks in their queues and of the numbers of wake-ups."""
CLAIMS = b"tm:claims"
"""Counter of claims, which are the fencing tokens."""
LAYOUT = b"tm:layout"
"""The newest layout in which a process has written, as a number; see application.store_layout."""
LAYOUT_READERS = b"tm:layout:readers"
"""The oldest layout that a process must know to read what is stored, as a number."""
ACCESS_KEYS = b"tm:keys"
"""Hash of the keys of the API by their ids; see access_keys."""
SCHEDULES = b"tm:schedules"
"""Set of the names of all schedules."""
SCHEDULES_DUE = b"tm:schedules-due"
"""Sorted set of the schedules that have a next slot, by the time when it makes its task."""
ACCESS_KEY_USES = b"tm:key-uses"
"""Hash of the minute since 1970 in which each key of the API was last used."""


def record(task_id: str) -> bytes:
    """Return the key of a hash, see task_codec. Raises ValueError for text that is no task id."""
    return RECORD_PREFIX + require_id_bytes(task_id)


@lru_cache(NAMES_REMEMBERED)
def waiting(lane: str) -> bytes:
    """Return the key of a sorted set of the waiting tasks of a lane in their order."""
    return WAITING_PREFIX + lane.encode()


@cache
def status_index(status: Status) -> bytes:
    """Return the key of a sorted set of the tasks in that status by submitted_at.

    The other indexes have the same form.
    """
    return b"tm:status:" + status.value.encode()


def type_index(type: str) -> bytes:
    return b"tm:type:" + type.encode()


def queue_index(queue: str) -> bytes:
    return b"tm:queue:" + queue.encode()


def label_index(key: str, value: str) -> bytes:
    return b"tm:label:" + key.encode() + b"=" + value.encode()


def submitter_index(key_id: str) -> bytes:
    return b"tm:submitter:" + key_id.encode()


def idempotency_record(idempotency_key: str) -> bytes:
    """Return the key of a string; see entries.idempotency_value."""
    return b"tm:receipt:" + sha256(idempotency_key.encode()).digest()


def counters(minute: int) -> bytes:
    return b"%b%d" % (COUNTERS_PREFIX, minute)


def minute_series(minute: int) -> bytes:
    """Return the key of a string: the sums of a minute since 1970; see interval_codec."""
    return b"%b%d" % (MINUTE_SERIES_PREFIX, minute)


def hour_series(hour: int) -> bytes:
    return b"tm:series:h:%d" % hour


def log(task_id: str) -> bytes:
    """Return the key of a list of the lines that the runs of the task logged."""
    return LOG_PREFIX + require_id_bytes(task_id)


def attempts(task_id: str) -> bytes:
    """Return the key of a list of the runs of the task that ended; see attempt_log."""
    return b"tm:attempts:" + require_id_bytes(task_id)


def history(task_id: str) -> bytes:
    """Return the key of a list of the changes of the task; see task_history."""
    return b"tm:history:" + require_id_bytes(task_id)


def webhook(entry: bytes) -> bytes:
    """Return the key of a copy of the record of a final task, by the entry in the outbox."""
    return b"tm:message:" + entry


def deliveries(raw_id: bytes) -> bytes:
    """Return the key of a hash of the delivery attempts of a task.

    It holds each attempt by its number, the number of attempts of each webhook, and a counter.
    """
    return b"tm:deliveries:" + raw_id


def lost(owner: str) -> bytes:
    """Return the key of a string about the run that this owner lost; see entries.lost_entry."""
    return b"tm:lost:" + owner.encode()


def schedule(name: str) -> bytes:
    """Return the key of a hash; see schedule_codec."""
    return b"tm:schedule:" + name.encode()


def session(sha256: bytes) -> bytes:
    """Return the key of a string: the id of the key that opened a session of a browser."""
    return b"tm:session:" + sha256


def used_units(caller: str, unit_of_time: str) -> bytes:
    """Return the key of a hash of the units that a caller used lately; see count_units."""
    return f"tm:rate:{unit_of_time}:{caller}".encode()


def sessions_of(key_id: str) -> bytes:
    """Return the key of a list: the hashes of the sessions of a key, newest first."""
    return b"tm:sessions:" + key_id.encode()


def alive(role: str) -> bytes:
    """Return the key of a sorted set of the processes of that role by their last heartbeat."""
    return f"tm:alive:{role}".encode()
