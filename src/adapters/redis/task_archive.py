"""Read everything that Redis holds about tasks, and restore it."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from adapters.redis import keys
from adapters.redis.effects import Effects
from adapters.redis.entries import REQUEST_HASH_BYTES, TIME_DIGITS, split_idempotency_value
from adapters.redis.id_codec import id_bytes, id_text, require_id_bytes
from adapters.redis.restored_tasks import RestoreEffects
from adapters.redis.save_script import SaveReply, SaveScript
from adapters.redis.store import RedisStore
from adapters.redis.stored_task import StoredTask, exact
from adapters.redis.task_codec import decode, epoch_milliseconds
from application.ports.task_archive import (
    ArchivedTask,
    Restored,
    Stored,
    TaskArchive,
    UnreadableTask,
)
from application.store_layout import UnknownLayout
from domain.task import Task

REPLY_BYTES = 2**20
"""Bytes from which on one call reads no further task. It bounds memory, and Redis's time."""
MAX_VERSIONS = 1_000
"""Latest versions of a task among which its webhooks are looked for."""
TASKS_PER_CALL = 50
REQUESTS_PER_CALL = 500
REQUEST_KEY = keys.idempotency_record("")
"""A key of an idempotency record; others differ in the hash at its end."""
HASH_BYTES = 32
REFUSALS = {
    "require_version": Restored.EXISTS,
    "require_absent": Restored.FULL,
    "require_room": Restored.TOO_MANY_QUEUES,
}


class RedisTaskArchive(TaskArchive):
    def __init__(self, store: RedisStore, effects: RestoreEffects) -> None:
        self._store = store
        self._effects = effects
        self._save = SaveScript(store)
        self._read = store.script("archive", writes=False)

    def read(self, task_ids: Sequence[str]) -> Iterator[ArchivedTask | UnreadableTask]:
        rest = list(filter(None, map(id_bytes, task_ids)))
        while rest:
            chunk = rest[:TASKS_PER_CALL]
            [reply] = self._call(chunk)
            if isinstance(reply, Exception) and len(chunk) > 1:
                chunk = chunk[:1]  # a key of the wrong type fails the call for all of them
                [reply] = self._call(chunk)
            replies = [reply] if isinstance(reply, Exception) else reply
            for raw, each in zip(chunk, replies, strict=False):
                if each:
                    yield _archived(raw, each)
            rest = rest[len(replies) :]

    def decode(self, task_id: str, stored: Stored) -> ArchivedTask:
        try:
            raw = require_id_bytes(task_id)
            return ArchivedTask(
                task=decode(raw, StoredTask.from_json(stored).record), stored=stored
            )
        except UnknownLayout:
            raise
        except Exception as error:  # whatever is wrong with the file
            raise ValueError(f"{type(error).__name__}: {error}") from error

    def restore(self, archived: Sequence[tuple[ArchivedTask, Task]]) -> Sequence[Restored]:
        made = [self._effects_of(each, after) for each, after in archived]
        replies = iter(self._save.run_each([each for each in made if each is not None]))
        return [
            Restored.DAMAGED if effects is None else _outcome(next(replies)) for effects in made
        ]

    def requests(self) -> Iterator[Stored]:
        cursor = 0
        while True:
            with self._store.client() as client:
                cursor, found = client.zscan(
                    keys.IDEMPOTENCY_RECORDS, cursor, count=REQUESTS_PER_CALL
                )
                values = client.mget([name for name, _ in found]) if found else []
            for (name, kept_at), value in zip(found, values, strict=True):
                if value is not None:
                    with suppress(ValueError):  # a damaged one repeats nothing
                        yield _request(name, kept_at, value)
            if not cursor:
                return

    def restore_request(self, stored: Stored) -> bool:
        try:
            key, hashed = bytes.fromhex(stored["key"]), bytes.fromhex(stored["hash"])
            ids = b"".join(map(require_id_bytes, stored["task_ids"]))
            at, kept_at = exact(int(stored["at_ms"])), exact(int(stored["kept_ms"]))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error
        if len(key) != len(REQUEST_KEY) or key[:-HASH_BYTES] != REQUEST_KEY[:-HASH_BYTES]:
            raise ValueError("the key is not that of an idempotency record")
        if len(hashed) != REQUEST_HASH_BYTES or at >= 10**TIME_DIGITS:
            raise ValueError("the hash or the time of the request is of another length")
        effects = Effects()
        effects.needs_memory = True
        effects.require_no_value(key)
        effects.set_value(key, b"%b%b%0*d" % (hashed, ids, TIME_DIGITS, at))
        effects.add_to_index(keys.IDEMPOTENCY_RECORDS, key, kept_at)
        return self._save.run(effects).saved

    def _call(self, ids: Sequence[bytes]) -> list[Any]:
        names = [key for raw in ids for key in _keys(raw)]
        arguments = [REPLY_BYTES, keys.webhook(b""), MAX_VERSIONS, *ids]
        call = self._read.call([keys.OUTBOX, *names], arguments)
        return self._store.pipeline_scripts([call], damage_as_reply=True)

    def _effects_of(self, archived: ArchivedTask, after: Task) -> Effects | None:
        """Return the effects; None for a task that cannot be stored."""
        try:
            return self._effects.of(StoredTask.from_json(archived.stored), archived.task, after)
        except Exception:  # whatever is wrong with the file, the other tasks are restored
            return None


def _keys(raw: bytes) -> Sequence[bytes]:
    task_id = id_text(raw)
    lists = keys.attempts(task_id), keys.log(task_id), keys.deliveries(raw)
    return [keys.RECORD_PREFIX + raw, *lists]


def _archived(raw: bytes, reply: Any) -> ArchivedTask | UnreadableTask:
    try:
        if isinstance(reply, Exception):
            raise reply
        stored = StoredTask.of_reply(reply)
        return ArchivedTask(task=decode(raw, stored.record), stored=stored.as_json())
    except Exception as error:  # whatever is wrong with it, the others are read
        return UnreadableTask(id_text(raw), f"{type(error).__name__}: {error}")


def _outcome(reply: SaveReply | Exception) -> Restored:
    if isinstance(reply, Exception):
        return Restored.DAMAGED
    return Restored.ADDED if reply.saved else REFUSALS[reply.refused_by]


def _request(name: bytes, kept_at: float, value: bytes) -> Stored:
    """Raises ValueError for a damaged value."""
    hashed, ids, at = split_idempotency_value(value)
    return {
        "key": name.hex(),
        "hash": hashed.hex(),
        "task_ids": ids,
        "at_ms": epoch_milliseconds(at),
        "kept_ms": int(kept_at),
    }
