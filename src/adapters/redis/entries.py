"""Formats of what Redis holds about a task by its id: 16 bytes of the id, and what follows them."""

from collections.abc import Iterable
from datetime import datetime

from adapters.redis.id_codec import id_bytes, id_text
from adapters.redis.task_codec import epoch_milliseconds, instant
from domain.task import Task

ID_BYTES = 16
REQUEST_HASH_BYTES = 32
TIME_DIGITS = 13
"""Digits of a time in milliseconds since 1970, until the year 2286."""
MAX_TIME_DIGITS = 15
"""Digits of such a time at the end of the year 9999."""


def split_entry(entry: bytes) -> tuple[bytes, bytes]:
    """Return the id of an entry and what follows it."""
    return entry[:ID_BYTES], entry[ID_BYTES:]


def finished_entry(task: Task) -> bytes | None:
    """Return the entry of a final task in keys.FINISHED: its id and finished_at."""
    raw = id_bytes(task.task_id)
    if task.finished_at is None or raw is None:
        return None
    return raw + str(epoch_milliseconds(task.finished_at)).encode()


def finished_at(entry: bytes) -> int:
    """Return the time in an entry of keys.FINISHED; 0 for a damaged entry, so that it goes."""
    _, digits = split_entry(entry)
    return int(digits) if digits.isdigit() and len(digits) <= MAX_TIME_DIGITS else 0


def outbox_entry(raw: bytes, version: int) -> bytes:
    """Return the entry of a webhook in keys.OUTBOX: the id and version of the final task."""
    return raw + str(version).encode()


def held_entry(entry: bytes) -> tuple[bytes, str]:
    """Return the task id and queue in a value of keys.HELD, which follow the claim id and a blank.

    A damaged entry has an empty id, and a queue of a name that no queue has.
    """
    raw, queue = split_entry(entry.partition(b" ")[2])
    return raw, queue.decode(errors="replace")


def lost_entry(fencing_token: int, raw: bytes) -> bytes:
    """Return the value of keys.lost: the fencing token and the id of the task."""
    return f"{fencing_token} ".encode() + raw


def split_lost_entry(entry: bytes) -> tuple[int, bytes]:
    fencing_token, raw = entry.split(b" ", 1)
    return int(fencing_token), raw


def idempotency_value(request_hash: bytes, ids: Iterable[bytes]) -> bytes:
    """Return the value of keys.idempotency_record, behind which save.lua puts the present time."""
    return request_hash + b"".join(ids)


def split_idempotency_value(value: bytes) -> tuple[bytes, list[str], datetime]:
    """Return the hash of the request, the ids of its tasks and the time of their submission."""
    request_hash, digits = value[:REQUEST_HASH_BYTES], value[-TIME_DIGITS:]
    return request_hash, task_ids_of(value), instant(int(digits))


def task_ids_of(value: bytes) -> list[str]:
    """Return the ids of the tasks of an idempotency value; none for a value that is gone."""
    ids = value[REQUEST_HASH_BYTES:-TIME_DIGITS]
    return [id_text(ids[at : at + ID_BYTES]) for at in range(0, len(ids), ID_BYTES)]
