"""Reads tasks without their long members, so that many of them take little memory."""

from collections.abc import Iterable, Sequence
from itertools import chain

from adapters.redis import keys
from adapters.redis.client import RedisStore
from adapters.redis.task_codec import decode, unpacked
from domain.task import Task

RECORDS_PER_CALL = 100
"""A bound on how long one script keeps Redis busy."""


class ShortRecords:
    """A payload or result of more than 4 KiB stays in Redis; `Task.omitted` names it."""

    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._read = store.script("read", writes=False)

    def read(self, ids: Iterable[bytes]) -> list[Task]:
        """Return the tasks with these ids in one round trip; those that are gone are left out."""
        ids = list(ids)
        chunks = [ids[at : at + RECORDS_PER_CALL] for at in range(0, len(ids), RECORDS_PER_CALL)]
        calls = [self._read.call(_keys(chunk), []) for chunk in chunks]
        records = chain.from_iterable(reply[1:] for reply in self._store.in_one_go(calls)) if calls else ()
        return [decode(raw, unpacked(record)) for raw, record in zip(ids, records, strict=True) if record]

    def read_with_position(self, raw_id: bytes) -> tuple[Task | None, str]:
        """Return the task and the position of the last event, both of one moment."""
        position, record = self._read(_keys([raw_id]), [])
        return decode(raw_id, unpacked(record)) if record else None, position.decode()


def _keys(ids: Sequence[bytes]) -> list[bytes]:
    return [keys.EVENTS, *(keys.RECORD_PREFIX + raw for raw in ids)]
