"""Reads tasks without their long members, so that many of them take little memory."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any

from adapters.redis import keys
from adapters.redis.client import RedisStore
from adapters.redis.task_codec import decode, id_text, unpacked
from application.skipped_items import SkippedItems
from domain.task import Task

RECORDS_PER_CALL = 100
"""A bound on how long one script keeps Redis busy."""


class ShortRecords:
    """A payload or result of more than 4 KiB stays in Redis; `Task.omitted` names it."""

    def __init__(self, store: RedisStore, let_others_run: Callable[[], None] = lambda: None) -> None:
        """`let_others_run` is called between tasks, where a process serves other requests meanwhile."""
        self._store = store
        self._let_others_run = let_others_run
        self._skipped_items = SkippedItems()
        self._read = store.script("read", writes=False)

    def read(self, ids: Iterable[bytes]) -> list[Task]:
        """Return the tasks with these ids in one round trip; those that are gone, and damaged ones, are left out."""
        ids = list(ids)
        chunks = [ids[at : at + RECORDS_PER_CALL] for at in range(0, len(ids), RECORDS_PER_CALL)]
        calls = [self._read.call(_keys(chunk), []) for chunk in chunks]
        replies = self._store.pipeline_scripts(calls, damage_as_reply=True) if calls else []
        found = chain.from_iterable(map(self._found, chunks, replies))
        return [task for task in found if task is not None]

    def _found(self, chunk: Sequence[bytes], reply: Any) -> list[Task | None]:
        """Return the tasks of a chunk. One record of the wrong type fails the call for all, so each is read alone."""
        if isinstance(reply, Exception):
            return [self._without_errors(*pair) for pair in zip(chunk, self.read_each(chunk), strict=True)]
        return [self._readable(raw, record) for raw, record in zip(chunk, reply[1:], strict=True) if record]

    def _readable(self, raw: bytes, record: bytes) -> Task | None:
        self._let_others_run()
        return self._without_errors(raw, _decoded_or_error(raw, (None, record)))

    def _without_errors(self, raw: bytes, found: Task | Exception | None) -> Task | None:
        """Return None for a damaged record, which is logged once."""
        if isinstance(found, Exception):
            self._skipped_items.tell("read", id_text(raw), found)
            return None
        return found

    def read_each(self, ids: Sequence[bytes]) -> Sequence[Task | Exception | None]:
        """Return for each id its task, None when there is none, or why it cannot be read. One round trip."""
        calls = [self._read.call(_keys([raw]), []) for raw in ids]
        replies = self._store.pipeline_scripts(calls, damage_as_reply=True) if calls else []
        return [_decoded_or_error(raw, reply) for raw, reply in zip(ids, replies, strict=True)]

    def read_with_position(self, raw_id: bytes) -> tuple[Task | None, str]:
        """Return the task and the position of the last event, both of one moment."""
        position, record = self._read(_keys([raw_id]), [])
        return decode(raw_id, unpacked(record)) if record else None, position.decode()


def _decoded_or_error(raw: bytes, reply: Any) -> Task | Exception | None:
    if isinstance(reply, Exception):
        return reply
    _, record = reply
    try:
        return decode(raw, unpacked(record)) if record else None
    except Exception as error:  # whatever is wrong with the bytes, the caller passes over this record alone
        return error


def _keys(ids: Sequence[bytes]) -> list[bytes]:
    return [keys.EVENTS, *(keys.RECORD_PREFIX + raw for raw in ids)]
