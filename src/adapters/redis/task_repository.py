"""Tasks in Redis: one hash a task, and the indexes that follow from it. Every write is one run of save.lua."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.redis import keys
from adapters.redis.client import RedisStore
from adapters.redis.effects import Effects
from adapters.redis.indexes import TokenOf, finished_entry, write_indexes
from adapters.redis.task_codec import FINISHED, RANK, SUBMITTED, decode, encode, id_bytes
from application.errors import StaleTask
from application.ports.task_repository import Change, TaskPage, TaskRepository
from domain.task import Task


class RedisTaskRepository(TaskRepository):
    def __init__(self, store: RedisStore, token_of: TokenOf) -> None:
        self._store = store
        self._token_of = token_of
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
        effects = Effects()
        _guard(effects, change)
        stamps = _write_record(effects, change)
        write_indexes(effects, change.before, change.after, self._token_of)
        script = self._save_new if change.before is None else self._save
        saved, now, *_ = script(effects.keys, effects.arguments)
        if not saved:
            raise StaleTask(change.after.task_id)
        stamp: Any = dict.fromkeys(stamps, datetime.fromtimestamp(now / 1000, UTC))
        return replace(change.after, **stamp)

    def remove(self, task: Task) -> None:
        record = keys.record(task.task_id)
        effects = Effects()
        effects.add("version", record, task.version)
        write_indexes(effects, task, None, self._token_of)
        effects.add("delete", record)
        saved, *_ = self._save(effects.keys, effects.arguments)
        if not saved:
            raise StaleTask(task.task_id)

    def outlived(self, retention: timedelta, *, limit: int) -> Sequence[Task]:
        """Entries of tasks that were deleted or tried again meanwhile are dropped on the way."""
        with self._store.client() as client:
            seconds, microseconds = client.time()
            due = seconds * 1000 + microseconds // 1000 - retention // timedelta(milliseconds=1)
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
        with self._store.client() as client:
            pipeline = client.pipeline(transaction=False)
            for raw in ids:
                pipeline.hgetall(keys.RECORD_PREFIX + raw)
            records = pipeline.execute()
        return [decode(raw, record) for raw, record in zip(ids, records, strict=True) if record]


def _guard(effects: Effects, change: Change) -> None:
    expected = "" if change.before is None else change.before.version
    effects.add("version", keys.record(change.after.task_id), expected)
    if change.only_if_lease_expired:
        effects.add("expired", keys.LEASES, id_bytes(change.after.task_id))


def _write_record(effects: Effects, change: Change) -> list[str]:
    """Writes the fields that differ; answers the names of the times that the script stamps."""
    record = keys.record(change.after.task_id)
    old = encode(change.before) if change.before else {}
    new = encode(change.after)
    different = {name: value for name, value in new.items() if value != old.get(name)}
    stamps = {SUBMITTED: "submitted_at", FINISHED: "finished_at"}
    stamped = [name for name in stamps if name in different]
    effects.set(record, {name: value for name, value in different.items() if name not in stamped})
    for name in stamped:
        effects.add("stamp", record, name)
    effects.unset(record, [*(old.keys() - new.keys()), *([RANK] if change.after.status.is_final else [])])
    return [stamps[name] for name in stamped]
