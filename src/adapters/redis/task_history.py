"""The history of a task: a list of its changes, and two fields of its record."""

from collections.abc import Callable
from typing import Any, TypeVar

from adapters.redis import keys
from adapters.redis.effects import Effects
from adapters.redis.exchange import packed
from adapters.redis.history_codec import decode_actor, decode_entry, encode_entry
from adapters.redis.id_codec import id_bytes
from adapters.redis.store import RedisStore
from adapters.redis.task_codec import COMPLETED_BY, SUBMITTED_BY
from application.ports.task_history import MAX_ENTRIES, StoredHistory, TaskHistory
from application.skipped_items import SkippedItems
from domain.actor import worker_of
from domain.attempt import is_told_by_task
from domain.task import Task

T = TypeVar("T")


class RedisTaskHistory(TaskHistory):
    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._skipped_items = SkippedItems()

    def stored(self, task_id: str) -> StoredHistory:
        if id_bytes(task_id) is None:
            return StoredHistory()
        fields, changes = self._store.pipeline(
            [
                packed("HMGET", keys.record(task_id), SUBMITTED_BY, COMPLETED_BY),
                packed("LRANGE", keys.history(task_id), 0, -1),
            ]
        )
        submitted_by, completed_by = self._whole(task_id, fields) or (None, None)
        decoded = (
            self._decoded(task_id, entry, decode_entry)
            for entry in self._whole(task_id, changes) or ()
        )
        return StoredHistory(
            submitted_by=self._decoded(task_id, submitted_by, decode_actor),
            completed_by=self._decoded(
                task_id, completed_by, lambda owner: worker_of(owner.decode())
            ),
            changes=tuple(entry for entry in decoded if entry is not None),
        )

    def _whole(self, task_id: str, reply: Any) -> Any:
        """Return the reply; None for the error of a key of the wrong type, which is logged once."""
        if isinstance(reply, Exception):
            self._skipped_items.log_once("read_history", task_id, reply)
            return None
        return reply

    def _decoded(self, task_id: str, text: bytes | None, decode: Callable[[bytes], T]) -> T | None:
        try:
            return None if text is None else decode(text)
        except Exception as error:  # whatever is wrong with it, the others can be read
            self._skipped_items.log_once("read_history", task_id, error)
            return None


def add_history(effects: Effects, before: Task, after: Task, actor: bytes) -> None:
    """Store a change of a task, unless its record tells of it."""
    if not (before.owner and is_told_by_task(before, after)):
        entry = encode_entry(before, after, actor)
        effects.append_dated(keys.history(after.task_id), MAX_ENTRIES, entry)
