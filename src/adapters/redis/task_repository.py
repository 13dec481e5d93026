"""Tasks in Redis: one hash a task, and the indexes that follow from it. Every write is one run of save.lua."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.redis import keys
from adapters.redis.client import RedisStore, ScriptCall, milliseconds
from adapters.redis.effects import Effects, Key
from adapters.redis.indexes import TokenOf, finished_entry, write_indexes
from adapters.redis.task_codec import FINISHED, PROGRESS, RANK, SUBMITTED, decode, encode, encode_changes, id_bytes
from application.errors import StaleTask, StoreFull
from application.ports.task_repository import Change, TaskPage, TaskRepository
from domain.events import what_happened
from domain.task import Task

STAMPS = {SUBMITTED: "submitted_at", FINISHED: "finished_at"}
"""The times that the script sets, since they are the present."""


class RedisTaskRepository(TaskRepository):
    def __init__(self, store: RedisStore, token_of: TokenOf, events_kept: int) -> None:
        self._store = store
        self._token_of = token_of
        self._events_kept = events_kept
        self._save_new = store.script("save", when_full=False)
        self._save = store.script("save")

    def get(self, task_id: str) -> Task | None:
        raw = id_bytes(task_id)
        return next(iter(self.read([raw])), None) if raw else None

    def page(self, *, offset: int, limit: int) -> TaskPage:
        with self._store.client() as client:
            pipeline = client.pipeline()
            pipeline.zcard(keys.SUBMITTED)
            pipeline.zrange(keys.SUBMITTED, offset, offset + limit - 1)
            total, ids = pipeline.execute()
        return TaskPage(tasks=self.read(ids), total=total)

    def save(self, change: Change) -> Task:
        answer = self.saving(change)()
        require_saved(change, answer)
        return _as_stored(change, answer)

    def saving(self, change: Change) -> ScriptCall:
        """The call that saves the change; `require_saved` reads its answer."""
        script = self._save_new if change.before is None else self._save
        effects = self._effects(change)
        return script.call(effects.keys, effects.arguments)

    def save_each(self, changes: Sequence[Change]) -> Sequence[Task | None]:
        answers = self._store.in_one_go([self.saving(change) for change in changes])
        return [
            _as_stored(change, answer) if answer[0] else None for change, answer in zip(changes, answers, strict=True)
        ]

    def due(self, *, limit: int) -> Sequence[Task]:
        return self._past(keys.SCHEDULED, limit)

    def expiring(self, *, limit: int) -> Sequence[Task]:
        return self._past(keys.EXPIRING, limit)

    def remove(self, task: Task) -> None:
        record = keys.record(task.task_id)
        effects = Effects()
        effects.add("version", record, task.version)
        write_indexes(effects, task, None, self._token_of)
        self._tell(effects, task, None)
        effects.add("delete", record)
        effects.add("delete", keys.log(task.task_id))
        saved, *_ = self._save(effects.keys, effects.arguments)
        if not saved:
            raise StaleTask(task.task_id)

    def outlived(self, retention: timedelta, *, limit: int) -> Sequence[Task]:
        """Entries of tasks that were deleted or tried again meanwhile are dropped on the way."""
        with self._store.client() as client:
            due = milliseconds(client.time()) - retention // timedelta(milliseconds=1)
            first = client.lrange(keys.FINISHED, 0, 0)
            if not first or int(first[0][16:]) > due:
                return []
            old = [entry for entry in client.lrange(keys.FINISHED, 0, limit - 1) if int(entry[16:]) <= due]
            tasks = {finished_entry(task): task for task in self.read(entry[:16] for entry in old)}
            for entry in old:
                if entry not in tasks:
                    client.lrem(keys.FINISHED, 1, entry)
        return [tasks[entry] for entry in old if entry in tasks]

    def read(self, ids: Iterable[bytes]) -> list[Task]:
        """The tasks with these ids in one round trip; those that are gone are left out."""
        ids = list(ids)
        if not ids:
            return []
        with self._store.client() as client:
            pipeline = client.pipeline(transaction=False)
            for raw in ids:
                pipeline.hgetall(keys.RECORD_PREFIX + raw)
            records = pipeline.execute()
        return [decode(raw, record) for raw, record in zip(ids, records, strict=True) if record]

    def _past(self, index: bytes, limit: int) -> Sequence[Task]:
        with self._store.client() as client:
            if not client.exists(index):
                return []
            now = milliseconds(client.time())
            ids = client.zrange(index, "-inf", now, byscore=True, offset=0, num=limit)
        return self.read(ids)

    def _effects(self, change: Change) -> Effects:
        effects = Effects()
        _guard(effects, change)
        _write_record(effects, change)
        write_indexes(effects, change.before, change.after, self._token_of)
        self._tell(effects, change.before, change.after)
        return effects

    def _tell(self, effects: Effects, before: Task | None, after: Task | None) -> None:
        task = after or before
        if task is not None:
            event, record = what_happened(before, after), Key(keys.record(task.task_id))
            effects.add("event", keys.EVENTS, record, self._events_kept, event, id_bytes(task.task_id))


def _guard(effects: Effects, change: Change) -> None:
    record = keys.record(change.after.task_id)
    if change.before is None:
        effects.add("open", keys.FULL)
    effects.add("version", record, "" if change.before is None else change.before.version)
    if change.only_if_lease_expired:
        effects.add("expired", keys.LEASES, id_bytes(change.after.task_id))


def _write_record(effects: Effects, change: Change) -> None:
    """Writes the fields that differ."""
    before, after, record = change.before, change.after, keys.record(change.after.task_id)
    fields, gone = encode_changes(before, after) if before else (encode(after), [])
    effects.set(record, {name: value for name, value in fields.items() if name not in STAMPS})
    for name in _stamped(change):
        effects.add("stamp", record, name)
    if after.status.is_final:
        gone.append(RANK)
    if before and before.owner and after.status.is_waiting:
        gone.append(PROGRESS)  # made by reports, of which the one who ends the run may not have heard
    effects.unset(record, gone)


def _stamped(change: Change) -> list[bytes]:
    return [
        name for name, member in STAMPS.items() if getattr(change.after, member) != getattr(change.before, member, None)
    ]


def require_saved(change: Change, answer: Any) -> None:
    """Raises StaleTask, StoreFull."""
    saved, detail, *_ = answer
    if not saved and detail == b"open":
        raise StoreFull("memory is at 85 % of its limit")
    if not saved:
        raise StaleTask(change.after.task_id)


def _as_stored(change: Change, answer: Any) -> Task:
    instant = datetime.fromtimestamp(answer[1] / 1000, UTC)
    stamps: Any = dict.fromkeys((STAMPS[name] for name in _stamped(change)), instant)
    return replace(change.after, **stamps) if stamps else change.after
