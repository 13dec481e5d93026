"""Keep the tasks of records that were read lately: the same record is the same frozen object.

A record is read from Redis each time, and only decoded again when any of its bytes has changed. So
a kept task is never older than the record.
"""

from dataclasses import dataclass

from adapters.redis.decoded_size import decoded_size
from adapters.redis.task_codec import DECODERS, Decoders, Record, decode, unpack_record
from application.bounded_cache import BoundedCache
from domain.task import Task

MAX_RECORD_BYTES = 65_536


@dataclass(slots=True)
class _Known:
    task: Task
    record: Record
    packed: bytes | None = None
    """The record as a script packed it into one text. Comparing it saves taking it apart."""


class KnownTasks:
    def __init__(self, max_bytes: int, decoders: Decoders = DECODERS) -> None:
        """Keep tasks of up to `max_bytes` in all.

        With 0, every record is decoded each time. `decoders`: see `decode`.
        """
        self._decoders = decoders
        self._known: BoundedCache[bytes, _Known] = BoundedCache(
            max_bytes, max_value_bytes=MAX_RECORD_BYTES
        )

    def decode(self, raw: bytes, reply: Record | bytes) -> Task:
        """Return the task of a record, which may be packed into one text.

        Raises KeyError or ValueError for a damaged record.
        """
        packed = reply if isinstance(reply, bytes) else None
        known = self._known.get(raw)
        if known is not None and packed is not None and packed == known.packed:
            return known.task
        record = unpack_record(reply) if isinstance(reply, bytes) else reply
        if known is None or known.record != record:
            self._known.discard(raw)
            known = _Known(decode(raw, record, self._decoders), record)
            self._known.put(raw, known, _size(record))
        known.packed = packed or known.packed
        return known.task

    def last(self, raw: bytes) -> Task | None:
        """Return the task as it was when it was read last; None when it is not kept."""
        known = self._known.get(raw)
        return known.task if known else None


def _size(record: Record) -> int:
    """Return the memory of a task and its record in both forms."""
    return decoded_size(record.values()) + sum(map(len, record.values()))
