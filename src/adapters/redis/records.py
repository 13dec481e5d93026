"""Read and decode the records of tasks: the one place that does."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from adapters.redis import keys
from adapters.redis.exchange import packed
from adapters.redis.id_codec import id_bytes, id_text
from adapters.redis.known_tasks import KnownTasks
from adapters.redis.lanes import lane_of
from adapters.redis.replies import first_within
from adapters.redis.result_texts import PASSING_DECODERS
from adapters.redis.store import RedisStore
from adapters.redis.task_codec import DECODERS
from application.skipped_items import SkippedItems
from domain.status import Status
from domain.task import Task
from domain.task_spec import DEFAULT_QUEUE

RECORDS_PER_CALL = 100
"""Bounds the time for which one script keeps Redis busy."""
MAX_WHOLE_READS = 16
"""Whole records that a process holds at a time until they are decoded: one may have a megabyte."""
MAX_HELD_BYTES = 65_536
"""Limit on the bytes of short records that a slow reader holds until it takes them; one may have
more. The others are read again: thousands of readers may be slow."""
NOTHING_KNOWN = KnownTasks(0)
RANKED = (keys.WAITING_PREFIX, keys.RECORD_PREFIX, DEFAULT_QUEUE.encode())
"""The arguments of read.lua that make it read the ranks of QUEUED tasks."""


class PlacedRecord(NamedTuple):
    """A short record, packed into one text, and the position of its task in its queue."""

    raw: bytes
    reply: bytes | Exception | None
    """None when there is no record, or the error of a key of the wrong type."""
    position: int | None
    """None when the task is not QUEUED."""


class TaskRecords:
    """Reads tasks, each method in one round trip unless it says otherwise.

    StoreUnavailable is the only error but for damaged records, where a method names them.
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
        self._whole_reads = threading.Semaphore(MAX_WHOLE_READS)

    def get(self, raw: bytes) -> Task | None:
        """Return the whole task, or None. Raises an error for a damaged record."""
        with self._whole_reads:
            [record] = self._whole_records([raw])
            self._let_others_run()
            return _raise_damage(self._decoded(raw, record))

    def get_with_position(self, raw: bytes) -> tuple[Task | None, int | None]:
        """Return the whole task, or None, and while it is QUEUED its position.

        Raises an error for a damaged record. It takes two round trips for a task in another lane
        than that in which it was read last, or the default queue.
        """
        last = self._known.last(raw)
        lane = lane_of(last.spec) if last and last.status is Status.QUEUED else DEFAULT_QUEUE
        commands = [packed("HGETALL", keys.RECORD_PREFIX + raw), _rank(lane, raw)]
        with self._whole_reads:
            record, rank = self._store.pipeline(commands)
            self._let_others_run()
            task = _raise_damage(self._decoded(raw, record))
            if task is None or task.status is not Status.QUEUED:
                return task, None
            if lane_of(task.spec) == lane:
                return task, _position(rank)
            return task, self.positions([task]).get(task.task_id)

    def whole(self, ids: Iterable[bytes]) -> list[Task]:
        ids = list(ids)
        return [task for _, task in self._readable(ids, self._whole_records(ids))]

    def short(self, ids: Iterable[bytes]) -> list[Task]:
        ids = list(ids)
        chunks = _chunks(ids)
        records = self._of_chunks(chunks, self._call_each(chunks))
        return [task for _, task in self._readable(ids, records)]

    def placed(self, ids: Sequence[bytes]) -> list[PlacedRecord]:
        """Return the short record of each task and its position."""
        chunks = _chunks(ids)
        replies = self._of_chunks(chunks, self._call_each(chunks, RANKED), RANKED)
        return [
            PlacedRecord(raw, reply, None)
            if isinstance(reply, Exception)
            else PlacedRecord(raw, reply[0], _position(reply[1]))
            for raw, reply in zip(ids, replies, strict=True)
        ]

    def each_with_position(self, ids: Sequence[bytes]) -> Iterator[tuple[Task, int | None]]:
        """Yield each short task and its position. It is decoded when its turn comes."""
        number = len(ids)
        while ids:
            records = first_within(MAX_HELD_BYTES, self.placed(ids[:number]), _size)
            number, ids = 2 * len(records), ids[len(records) :]
            for raw, reply, position in records:
                for _, task in self._readable([raw], [reply]):
                    yield task, position

    def positions(self, tasks: Iterable[Task]) -> Mapping[str, int]:
        """Return the position in its queue, from 1, of each QUEUED task by its id."""
        queued = [task for task in tasks if task.status is Status.QUEUED]
        ranks = self._store.pipeline(list(map(rank_of, queued))) if queued else []
        found = zip(queued, map(_position, ranks), strict=True)
        return {task.task_id: position for task, position in found if position is not None}

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

    def _one_by_one(self, ids: Sequence[bytes], ranked: Sequence[bytes] = ()) -> Sequence[Any]:
        """Return for each id its short record, or the error of a key of the wrong type."""
        replies = self._call_each([[raw] for raw in ids], ranked)
        return [reply if isinstance(reply, Exception) else reply[1] for reply in replies]

    def _of_chunks(
        self,
        chunks: Sequence[Sequence[bytes]],
        replies: Sequence[Any],
        ranked: Sequence[bytes] = (),
    ) -> list[Any]:
        """Return the record of each id, or an error."""
        records: list[Any] = []
        for chunk, reply in zip(chunks, replies, strict=True):
            # One key of the wrong type fails the call for the whole chunk.
            failed = isinstance(reply, Exception)
            records += self._one_by_one(chunk, ranked) if failed else reply[1:]
        return records

    def _call_each(
        self, chunks: Sequence[Sequence[bytes]], ranked: Sequence[bytes] = ()
    ) -> Sequence[Any]:
        """Read the records. `ranked` is RANKED to read the ranks as well."""
        calls = [self._read.call(_keys(chunk), ranked) for chunk in chunks]
        return self._store.pipeline_scripts(calls, damage_as_reply=True) if calls else []

    def _readable(self, ids: Sequence[bytes], replies: Sequence[Any]) -> list[tuple[bytes, Task]]:
        tasks = []
        for raw, reply in zip(ids, replies, strict=True):
            self._let_others_run()
            task = self._decoded(raw, reply)
            if isinstance(task, Exception):
                self._skipped_items.log_once("read", id_text(raw), task)
            elif task:
                tasks.append((raw, task))
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


def _chunks(ids: Sequence[bytes]) -> list[Sequence[bytes]]:
    return [ids[at : at + RECORDS_PER_CALL] for at in range(0, len(ids), RECORDS_PER_CALL)]


def rank_of(task: Task) -> bytes:
    """Return the packed command for the rank of a task in its lane."""
    return _rank(lane_of(task.spec), id_bytes(task.task_id) or b"")


def _size(record: PlacedRecord) -> int:
    return len(record.reply) if isinstance(record.reply, bytes) else 0


def _position(rank: Any) -> int | None:
    """Return the position, from 1; None without a rank."""
    return rank + 1 if isinstance(rank, int) else None


def _rank(lane: str, raw: bytes) -> bytes:
    return packed("ZRANK", keys.waiting(lane), raw)


def _keys(ids: Sequence[bytes]) -> list[bytes]:
    return [keys.EVENTS, *(keys.RECORD_PREFIX + raw for raw in ids)]
