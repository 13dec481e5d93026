"""Tasks in Redis: one hash a task, and the indexes that follow from it. Every write is one run of save.lua."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain, groupby
from typing import Any, NamedTuple, TypeVar

from adapters.redis import keys
from adapters.redis.backlogs import RedisBacklogs
from adapters.redis.client import RedisStore, ScriptCall, replies_of
from adapters.redis.effects import ANY, SORTED_SET, STREAM, Effects
from adapters.redis.indexes import WakeUpOf, base_of, guard_room, index_new, wake, write_indexes
from adapters.redis.run_log import add_lines
from adapters.redis.short_records import ShortRecords
from adapters.redis.task_codec import (
    FINISHED,
    PROGRESS,
    RANK,
    STATUS,
    SUBMITTED,
    VERSION,
    decode,
    encode,
    encode_changes,
    id_bytes,
    id_text,
)
from adapters.redis.task_search import RedisTaskSearch
from adapters.redis.wake_ups import WakeUp
from application.errors import AlreadySubmitted, StaleTask, StoreFull, TooManyQueues
from application.ports.task_repository import Backlog, Change, IdempotencyRecord, PageRequest, TaskPage, TaskRepository
from application.skipped_items import SkippedItems
from application.task_filter import TaskFilter
from domain.events import Event, event_of
from domain.status import Status
from domain.task import Task

STAMPS = {SUBMITTED: "submitted_at", FINISHED: "finished_at"}
"""The times that the script sets, since they are the present."""

WRITTEN_BY_CREATE = (STATUS, VERSION, SUBMITTED)
"""Fields of a new task that save.lua is told once for many."""

DEFAULT_MAX_QUEUES = 1_000
T = TypeVar("T")

REQUEST_HASH_BYTES = 32
TIME_DIGITS = 13
"""Of the milliseconds since 1970, until the year 2286."""


class _Beginning(NamedTuple):
    """What new tasks have in common that are written together."""

    event: Event
    status: Status
    version: int
    queue: str
    base: int | None
    """What stands before the place in the queue; None for a task that is not queued yet."""


class RedisTaskRepository(TaskRepository):
    def __init__(
        self,
        store: RedisStore,
        wake_up_of: WakeUpOf,
        events_kept: int,
        max_queues: int = DEFAULT_MAX_QUEUES,
        own_queues: Container[str] = (),
        let_others_run: Callable[[], None] = lambda: None,
    ) -> None:
        """Tasks may name `max_queues` different queues. Those in `own_queues` may be named beyond that.

        `let_others_run` is called between tasks, where a process serves other requests meanwhile.
        """
        self._store = store
        self._max_queues = max_queues
        self._own_queues = own_queues
        self._skipped_items = SkippedItems()
        self._make_wake_up = wake_up_of
        self._events_kept = events_kept
        self._save_new = store.script("save", when_full=False)
        self._save = store.script("save")
        self._let_others_run = let_others_run
        self._short = ShortRecords(store, let_others_run)
        self.backlogs = RedisBacklogs(store, self._short)
        self._search = RedisTaskSearch(store, self._short.read, self.read, let_others_run)

    def get(self, task_id: str) -> Task | None:
        raw = id_bytes(task_id)
        [record] = self._records([raw]) if raw else [None]
        if isinstance(record, Exception):
            raise record
        return decode(raw, record) if raw and record else None

    def get_many(self, task_ids: Sequence[str]) -> Sequence[Task]:
        return self._short.read(filter(None, map(id_bytes, task_ids)))

    def find(self, wanted: TaskFilter, window: PageRequest) -> TaskPage:
        return self._search.find(wanted, window)

    def positions(self, tasks: Sequence[Task]) -> Mapping[str, int]:
        queued = [task for task in tasks if task.status is Status.QUEUED]
        if not queued:
            return {}
        with self._store.client() as client:
            pipeline = client.pipeline(transaction=False)
            for task in queued:
                pipeline.zrank(keys.waiting(task.spec.queue), id_bytes(task.task_id))
            ranks = replies_of(pipeline)
        return {task.task_id: rank + 1 for task, rank in zip(queued, ranks, strict=True) if isinstance(rank, int)}

    def add(self, tasks: Sequence[Task], idempotency_record: IdempotencyRecord | None = None) -> Sequence[Task]:
        effects = Effects()
        if idempotency_record:
            ids = b"".join(keys.record(task.task_id).removeprefix(keys.RECORD_PREFIX) for task in tasks)
            effects.guard("absent", keys.idempotency_record(idempotency_record.key))
            effects.add("keep", keys.idempotency_record(idempotency_record.key), idempotency_record.request_hash + ids)
            effects.add("index", keys.IDEMPOTENCY_RECORDS, keys.idempotency_record(idempotency_record.key))
        effects.guard("open", keys.FULL)
        guard_room(effects, ((None, task) for task in tasks), self._max_queues, self._own_queues)
        waiting = [(_raw_id(task), task) for task in tasks if task.status.is_waiting]
        for beginning, run in groupby(waiting, key=_beginning):
            self._create(effects, beginning, list(run))
        index_new(effects, self._paced(waiting))
        for task in tasks:
            if not task.status.is_waiting:
                self._add_effects(effects, Change(before=None, after=task))
        wake(effects, ((None, task) for task in tasks), self._wake_up_of)
        answer = self._save_new(effects.keys, effects.arguments)
        if not answer[0] and answer[1] == b"absent":
            raise _already_submitted(answer[2])
        self._require_room(tasks, answer)
        require_saved(Change(before=None, after=tasks[0]), answer)
        return [_as_stored(Change(before=None, after=task), answer) for task in self._paced(tasks)]

    def save(self, change: Change) -> Task:
        answer = self._saving(change)()
        self._require_room([change.after], answer)
        require_saved(change, answer)
        return _as_stored(change, answer)

    def save_many(self, changes: Sequence[Change]) -> Sequence[Task | None]:
        answers = self._each([self._saving(change) for change in changes], [change.after for change in changes])
        return [
            _as_stored(change, answer) if answer and answer[0] else None
            for change, answer in zip(changes, answers, strict=True)
        ]

    def due(self, *, limit: int) -> Sequence[Task]:
        return self.backlogs.past(Backlog.DUE, limit)

    def expiring(self, *, limit: int) -> Sequence[Task]:
        return self.backlogs.past(Backlog.EXPIRING, limit)

    def remove(self, task: Task) -> None:
        saved, *_ = self._removing(task)()
        if not saved:
            raise StaleTask(task.task_id)

    def remove_many(self, tasks: Sequence[Task]) -> Sequence[bool]:
        answers = self._each([self._removing(task) for task in tasks], tasks)
        return [bool(answer and answer[0]) for answer in answers]

    def discarded(self, *, limit: int) -> Sequence[Task]:
        return self.backlogs.past(Backlog.DISCARDED, limit)

    def past_retention(self, retention: timedelta, *, limit: int) -> Sequence[Task]:
        return self.backlogs.past_retention(retention, limit)

    def set_aside(self, backlog: Backlog, tasks: Sequence[Task]) -> None:
        self.backlogs.set_aside(backlog, tasks)

    def read(self, ids: Iterable[bytes]) -> list[Task]:
        """Return the whole tasks with these ids, read in one round trip; those that are gone are left out.

        A record that is damaged is left out, too, and logged once: it must not keep others from being read.
        """
        ids = list(ids)
        found = [self._readable(raw, record) for raw, record in zip(ids, self._records(ids), strict=True)]
        return [task for task in found if task is not None]

    def _records(self, ids: Sequence[bytes]) -> Sequence[Any]:
        """Return the fields of each record, none where there is no such task, or why they cannot be read."""
        if not ids:
            return []
        with self._store.client() as client:
            pipeline = client.pipeline(transaction=False)
            for raw in ids:
                pipeline.hgetall(keys.RECORD_PREFIX + raw)
            return replies_of(pipeline)

    def _readable(self, raw: bytes, record: Any) -> Task | None:
        self._let_others_run()
        try:
            if isinstance(record, Exception):
                raise record
            return decode(raw, record) if record else None
        except Exception as error:  # whatever is wrong with the bytes
            self._skipped_items.tell("read", id_text(raw), error)
            return None

    def _each(self, calls: Sequence[ScriptCall], tasks: Sequence[Task]) -> Sequence[Any]:
        """Return the reply to each call, None where the data of its task is damaged."""
        replies = self._store.pipeline_scripts(calls, damage_as_reply=True) if calls else []
        for task, reply in zip(tasks, replies, strict=True):
            if isinstance(reply, Exception):
                self._skipped_items.tell("save", task.task_id, reply)
        return [None if isinstance(reply, Exception) else reply for reply in replies]

    def effects_of(self, change: Change) -> Effects:
        """For save.lua, whose answer `require_saved` reads."""
        effects = Effects()
        if change.before is None:
            effects.guard("open", keys.FULL)
        guard_room(effects, [(change.before, change.after)], self._max_queues, self._own_queues)
        self._add_effects(effects, change)
        if change.after.status is Status.QUEUED:
            wake(effects, [(change.before, change.after)], self._wake_up_of)
        return effects

    def _require_room(self, tasks: Sequence[Task], answer: Any) -> None:
        """Raises TooManyQueues when save.lua's reply says that there is no room for the queues of these tasks."""
        if not answer[0] and answer[1] == b"room":
            unknown = {name.decode() for name in answer[2]}
            places = [place for place, task in enumerate(tasks) if task.spec.queue in unknown]
            raise TooManyQueues(self._max_queues, places)

    def _wake_up_of(self, queue: str) -> WakeUp:
        """The first wake-up of a queue takes a quarter of a millisecond, and a batch may name 1,000 queues."""
        self._let_others_run()
        return self._make_wake_up(queue)

    def _saving(self, change: Change) -> ScriptCall:
        script = self._save_new if change.before is None else self._save
        effects = self.effects_of(change)
        return script.call(effects.keys, effects.arguments)

    def _add_effects(self, effects: Effects, change: Change) -> None:
        self._let_others_run()
        before, after, record = change.before, change.after, keys.record(change.after.task_id)
        effects.guard("version", record, before.version if before else "")
        if change.only_if_lease_expired:
            effects.guard("expired", keys.LEASES, id_bytes(after.task_id))
        _write_record(effects, record, before, after)
        write_indexes(effects, before, after)
        if before and change.log:
            add_lines(effects, before, [change.log])
        self._tell(effects, record, before, after)

    def _create(self, effects: Effects, beginning: _Beginning, tasks: Sequence[tuple[bytes, Task]]) -> None:
        """Write new tasks with one beginning; they follow each other in their queue.

        Lua takes apart up to 8,000 values at a time, and 1,000 tasks are 2,000 here.
        """
        records = [keys.RECORD_PREFIX + raw for raw, _ in tasks]
        effects.keys_of(dict.fromkeys(records, ANY))
        effects.guard("new", records[0], len(records))
        waiting, sequence, events = effects.keys_of(
            {keys.waiting(beginning.queue): SORTED_SET, keys.SEQUENCE: ANY, keys.EVENTS: STREAM}
        )
        arguments: list[Any] = [waiting, sequence, "" if beginning.base is None else beginning.base]
        arguments += (events, self._events_kept, beginning.event, beginning.status, beginning.version)
        for raw, task in self._paced(tasks):
            fields = encode(task)
            for name in WRITTEN_BY_CREATE:
                del fields[name]
            arguments += (raw, 2 * len(fields), *chain.from_iterable(fields.items()))
        effects.add("create", records[0], len(records), *arguments)

    def _paced(self, items: Iterable[T]) -> Iterator[T]:
        for item in items:
            self._let_others_run()
            yield item

    def _removing(self, task: Task) -> ScriptCall:
        record, effects = keys.record(task.task_id), Effects()
        effects.guard("version", record, task.version)
        write_indexes(effects, task, None)
        self._tell(effects, record, task, None)
        effects.add("delete", record)
        effects.add("delete", keys.log(task.task_id))
        effects.add("delete", keys.deliveries(record.removeprefix(keys.RECORD_PREFIX)))
        return self._save.call(effects.keys, effects.arguments)

    def _tell(self, effects: Effects, record: bytes, before: Task | None, after: Task | None) -> None:
        event, member = event_of(before, after), record.removeprefix(keys.RECORD_PREFIX)
        effects.add("event", keys.EVENTS, effects.key(record), self._events_kept, event, member)


def _write_record(effects: Effects, record: bytes, before: Task | None, after: Task) -> None:
    """Writes the fields that differ."""
    fields, gone = encode_changes(before, after) if before else (encode(after), [])
    for name in STAMPS:
        fields.pop(name, None)
    stamps = _stamped(before, after)
    for name in stamps[1:]:
        effects.add("stamp", record, name)
    if stamps:
        effects.add("stamp", record, stamps[0], *chain.from_iterable(fields.items()))
    else:
        effects.set(record, fields)
    if after.status.is_final:
        gone.append(RANK)
    if before and before.owner and (after.status.is_waiting or after.status is Status.COMPLETED):
        gone.append(PROGRESS)  # made by reports, of which the one who ends the run may not have heard
    effects.unset(record, gone)


def _raw_id(task: Task) -> bytes:
    """Raises ValueError for a task whose id is none."""
    return keys.record(task.task_id).removeprefix(keys.RECORD_PREFIX)


def _beginning(new: tuple[bytes, Task]) -> _Beginning:
    _, task = new
    return _Beginning(
        event_of(None, task),
        task.status,
        task.version,
        task.spec.queue,
        base_of(task.spec.priority) if task.status is Status.QUEUED else None,
    )


def _stamped(before: Task | None, after: Task) -> list[bytes]:
    """Those of the times that this change sets."""
    return [
        name for name, member in STAMPS.items() if getattr(after, member) not in (None, getattr(before, member, None))
    ]


def _already_submitted(idempotency_record: bytes) -> AlreadySubmitted:
    """From an idempotency record's 32 bytes of fingerprint, 16 of each id, and digits."""
    ids, submitted_at = idempotency_record[REQUEST_HASH_BYTES:-TIME_DIGITS], int(idempotency_record[-TIME_DIGITS:])
    return AlreadySubmitted(
        idempotency_record[:REQUEST_HASH_BYTES], ids_of(ids), datetime.fromtimestamp(submitted_at / 1000, UTC)
    )


def ids_of(joined: bytes) -> list[str]:
    return [id_text(joined[at : at + 16]) for at in range(0, len(joined), 16)]


def require_saved(change: Change, answer: Any) -> None:
    """Raises StaleTask, StoreFull."""
    saved, detail, *_ = answer
    if not saved and detail == b"open":
        raise StoreFull("memory is at 85 % of its limit")
    if not saved:
        raise StaleTask(change.after.task_id)


def _as_stored(change: Change, answer: Any) -> Task:
    instant = datetime.fromtimestamp(answer[1] / 1000, UTC)
    stamps: Any = dict.fromkeys((STAMPS[name] for name in _stamped(change.before, change.after)), instant)
    return replace(change.after, **stamps) if stamps else change.after
