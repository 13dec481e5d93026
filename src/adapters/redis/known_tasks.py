"""Keep the tasks of records that were read lately: the same record is the same frozen object.

A record is read from Redis each time, and only decoded again when any of its bytes has changed. So
a kept task is never older than the record.
"""

from collections import OrderedDict

from adapters.redis.task_codec import Record, decode
from domain.task import Task

TASK_BYTES = 4_096
"""Memory of a task with its specification, besides the bytes of its record, measured generously."""
MAX_RECORD_BYTES = 65_536


class KnownTasks:
    def __init__(self, max_bytes: int) -> None:
        """Keep tasks of up to `max_bytes` in all; the one read longest ago goes first.

        With 0, every record is decoded each time.
        """
        self._max_bytes = max_bytes
        self._known: OrderedDict[bytes, tuple[Record, Task, int]] = OrderedDict()
        self._bytes = 0

    def decode(self, raw: bytes, record: Record) -> Task:
        """Return the task of a record. Raises KeyError or ValueError for a damaged record."""
        known = self._known.get(raw)
        if known is not None:
            if known[0] == record:
                self._known.move_to_end(raw)
                return known[1]
            self._forget(raw)
        task = decode(raw, record)
        if self._max_bytes:
            self._keep(raw, record, task)
        return task

    def _keep(self, raw: bytes, record: Record, task: Task) -> None:
        record_bytes = sum(map(len, record.values()))
        if record_bytes > MAX_RECORD_BYTES:
            return
        size = record_bytes + TASK_BYTES
        self._known[raw] = record, task, size
        self._bytes += size
        while self._bytes > self._max_bytes:
            self._forget(next(iter(self._known)))

    def _forget(self, raw: bytes) -> None:
        self._bytes -= self._known.pop(raw)[2]
