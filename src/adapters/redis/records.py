"""Read and decode the records of tasks: the one place that does."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from adapters.redis import keys
from adapters.redis.exchange import packed
from adapters.redis.id_codec import id_text
from adapters.redis.known_tasks import KnownTasks
from adapters.redis.result_texts import PASSING_DECODERS
from adapters.redis.store import RedisStore
from adapters.redis.task_codec import DECODERS
from application.skipped_items import SkippedItems
from domain.task import Task

RECORDS_PER_CALL = 100
"""Bounds the time for which one script keeps Redis busy."""
NOTHING_KNOWN = KnownTasks(0)


class TaskRecords:
    """Reads tasks, each method in one round trip and with StoreUnavailable as its only error.

    Short reads leave a payload or result of more than 4 KiB in Redis; `Task.omitted` names it.
    Reads of many tasks leave out those that are gone, and those that are damaged, which are logged
    once.
    """

    def __init__(
        self,
        store: RedisStore,
        let_others_run: Callable[[], None] = lambda: None,
        cache_bytes: int = 0,
        *,
        long_results_as_text: bool = False,
    ) -> None:
        """`let_others_run` is called between tasks, for a process that serves other requests.

        `cache_bytes`: see KnownTasks. With `long_results_as_text`, a result of more than 4 KiB is a
        JsonText, for a process that only passes it on.
        """
        decoders = PASSING_DECODERS if long_results_as_text else DECODERS
        self._known = KnownTasks(cache_bytes, decoders)
        self._store = store
        self._let_others_run = let_others_run
        self._skipped_items = SkippedItems()
        self._read = store.script("read", writes=False)

    def get(self, raw: bytes) -> Task | None:
        """Return the whole task, or None. Raises an error for a damaged record."""
        [record] = self._whole_records([raw])
        self._let_others_run()
        return _raise_damage(self._decoded(raw, record))

    def get_with_rank(self, raw: bytes, queue: str) -> tuple[Task | None, int | None]:
        """Return the whole task, or None, and its rank in the queue, both of one moment.

        Raises an error for a damaged record.
        """
        record, rank = self._store.pipeline(
            [packed("HGETALL", keys.RECORD_PREFIX + raw), packed("ZRANK", keys.waiting(queue), raw)]
        )
        self._let_others_run()
        return _raise_damage(self._decoded(raw, record)), rank if isinstance(rank, int) else None

    def whole(self, ids: Iterable[bytes]) -> list[Task]:
        ids = list(ids)
        return self._readable(ids, self._whole_records(ids))

    def short(self, ids: Iterable[bytes]) -> list[Task]:
        ids = list(ids)
        chunks = [ids[at : at + RECORDS_PER_CALL] for at in range(0, len(ids), RECORDS_PER_CALL)]
        records: list[Any] = []
        for chunk, reply in zip(chunks, self._call_each(chunks), strict=True):
            # One key of the wrong type fails the call for the whole chunk.
            records += self._one_by_one(chunk) if isinstance(reply, Exception) else reply[1:]
        return self._readable(ids, records)

    def short_each(self, ids: Sequence[bytes]) -> Sequence[Task | Exception | None]:
        """Return for each id its task, None when it is gone, or the error of a damaged record."""
        return list(map(self._decoded, ids, self._one_by_one(ids)))

    def short_with_position(self, raw: bytes) -> tuple[Task | None, str]:
        """Return the task and the position of the last event, both of one moment.

        Raises an error for a damaged record.
        """
        position, record = self._read(_keys([raw]), [])
        return _raise_damage(self._decoded(raw, record)), position.decode()

    def _whole_records(self, ids: Sequence[bytes]) -> Sequence[Any]:
        if not ids:
            return []
        return self._store.pipeline([packed("HGETALL", keys.RECORD_PREFIX + raw) for raw in ids])

    def _decoded(self, raw: bytes, reply: Any) -> Task | Exception | None:
        return decode_reply(raw, reply, self._known)

    def _one_by_one(self, ids: Sequence[bytes]) -> Sequence[Any]:
        """Return for each id its short record, or the error of a key of the wrong type."""
        replies = self._call_each([[raw] for raw in ids])
        return [reply if isinstance(reply, Exception) else reply[1] for reply in replies]

    def _call_each(self, chunks: Sequence[Sequence[bytes]]) -> Sequence[Any]:
        calls = [self._read.call(_keys(chunk), []) for chunk in chunks]
        return self._store.pipeline_scripts(calls, damage_as_reply=True) if calls else []

    def _readable(self, ids: Sequence[bytes], replies: Sequence[Any]) -> list[Task]:
        tasks = []
        for raw, reply in zip(ids, replies, strict=True):
            self._let_others_run()
            task = self._decoded(raw, reply)
            if isinstance(task, Exception):
                self._skipped_items.log_once("read", id_text(raw), task)
            elif task:
                tasks.append(task)
        return tasks


def decode_reply(
    raw: bytes, reply: Any, known: KnownTasks = NOTHING_KNOWN
) -> Task | Exception | None:
    """Return the task of a record; None when there is none, or the error when it is damaged.

    `reply` holds the fields as a mapping or packed into one text, or is an error.
    """
    if isinstance(reply, Exception):
        return reply
    try:
        if not reply:
            return None
        return known.decode(raw, reply)
    except Exception as error:  # whatever is wrong with the bytes, the caller decides what it means
        return error


def _raise_damage(found: Task | Exception | None) -> Task | None:
    if isinstance(found, Exception):
        raise found
    return found


def _keys(ids: Sequence[bytes]) -> list[bytes]:
    return [keys.EVENTS, *(keys.RECORD_PREFIX + raw for raw in ids)]
