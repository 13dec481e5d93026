"""Schedules in Redis: a hash for each, the set of their names, and an index of what is due."""

from collections.abc import Iterator, Sequence

from adapters.redis import keys
from adapters.redis.effects import Effects
from adapters.redis.exchange import packed
from adapters.redis.replies import milliseconds
from adapters.redis.save_script import SaveReply, SaveScript
from adapters.redis.schedule_codec import (
    SAVES,
    TEXT,
    decode_schedule,
    encode_schedule,
    of_archive,
    skip_entry,
    to_archive,
)
from adapters.redis.store import RedisStore
from adapters.redis.task_codec import epoch_milliseconds
from adapters.redis.task_repository import RedisTaskRepository
from application.errors import StoreFull
from application.ports.schedules import (
    MAX_SCHEDULES,
    Schedules,
    StaleSchedule,
    TooManySchedules,
)
from application.ports.task_archive import Stored
from application.ports.task_repository import IdempotencyRecord
from application.skipped_items import SkippedItems
from domain.schedule import Schedule
from domain.task import Task

CHUNK = 10
"""Schedules that one round trip reads. Each may be as large as a body."""
ASIDE_MS = 60_000


class RedisSchedules(Schedules):
    def __init__(
        self,
        store: RedisStore,
        repository: RedisTaskRepository,
        limit: int = MAX_SCHEDULES,
        *,
        events_kept: int,
    ) -> None:
        """`limit` is the number of schedules that may exist."""
        self._store = store
        self._events_kept = events_kept
        self._repository = repository
        self._limit = limit
        self._save = SaveScript(store)
        self._skipped_items = SkippedItems()

    def get(self, name: str) -> Schedule | None:
        return next(iter(self._read([name])), None)

    def each(self, *, after: str = "") -> Iterator[Schedule]:
        with self._store.client() as client:
            names = sorted(_text(name) for name in client.smembers(keys.SCHEDULES))
        following = [name for name in names if name > after]
        for at in range(0, len(following), CHUNK):
            yield from self._read(following[at : at + CHUNK])

    def add(self, schedule: Schedule) -> None:
        effects = Effects()
        effects.needs_memory = True
        effects.require_absent(keys.FULL)
        effects.require_room(keys.SCHEDULES, self._limit, [schedule.name])
        self._write(effects, None, schedule)
        effects.add_to_set(keys.SCHEDULES, schedule.name)
        reply = self._save.run(effects)
        if reply.refused_by == "require_room":
            raise TooManySchedules
        _require_saved(schedule, reply)

    def save(self, before: Schedule, after: Schedule) -> None:
        effects = Effects()
        self._write(effects, before, after)
        if after.last_skip and after.skipped != before.skipped:
            entry = skip_entry(after, after.last_skip)
            effects.append_entry(keys.EVENTS, self._events_kept, entry)
        _require_saved(before, self._save.run(effects))

    def save_with_task(
        self,
        before: Schedule,
        after: Schedule,
        task: Task,
        idempotency_record: IdempotencyRecord | None = None,
    ) -> Task:
        effects = Effects()
        self._write(effects, before, after)  # its guard first: a lost race is no other refusal
        self._repository.add_to(effects, [task], idempotency_record)
        reply = self._save.run(effects)
        if reply.refused_by == "require_version":
            raise StaleSchedule(before.name)
        [stored] = self._repository.as_added([task], reply)
        return stored

    def remove(self, schedule: Schedule) -> None:
        effects, record = Effects(), keys.schedule(schedule.name)
        effects.require_version(record, schedule.saves)
        effects.delete(record)
        effects.remove_from_set(keys.SCHEDULES, schedule.name)
        effects.remove_from_index(keys.SCHEDULES_DUE, schedule.name.encode())
        _require_saved(schedule, self._save.run(effects))

    def due(self, *, limit: int) -> Sequence[Schedule]:
        with self._store.client() as client:
            now = milliseconds(client.time())
            due = client.zrange(keys.SCHEDULES_DUE, "-inf", now, byscore=True, offset=0, num=limit)
        found: list[Schedule] = []
        for at in range(0, len(due), CHUNK):
            names = [_text(name) for name in due[at : at + CHUNK]]
            readable = {schedule.name: schedule for schedule in self._read(names)}
            found += readable.values()
            for raw, name in zip(due[at : at + CHUNK], names, strict=True):
                if name not in readable:
                    self._set_aside(raw)
        return found

    def archived(self, schedule: Schedule) -> Stored:
        return to_archive(schedule)

    def of_archive(self, name: str, stored: Stored) -> Schedule:
        return of_archive(name, stored)

    def set_aside(self, schedule: Schedule) -> None:
        self._set_aside(schedule.name.encode(), schedule.saves)

    def _set_aside(self, raw: bytes, saves: int | None = None) -> None:
        with self._store.client() as client:
            now = milliseconds(client.time())
        effects = Effects()
        effects.require_member(keys.SCHEDULES_DUE, raw)
        if saves is not None:
            effects.require_version(keys.schedule(_text(raw)), saves)
        effects.add_to_index(keys.SCHEDULES_DUE, raw, now + ASIDE_MS)
        self._save.run(effects)

    def _write(self, effects: Effects, before: Schedule | None, after: Schedule) -> None:
        record = keys.schedule(after.name)
        effects.require_version(record, before.saves if before else None)
        effects.set_fields(record, encode_schedule(after))
        if after.due_at is not None:
            due = epoch_milliseconds(after.due_at)
            effects.add_to_index(keys.SCHEDULES_DUE, after.name, due)
        elif before is not None:
            effects.remove_from_index(keys.SCHEDULES_DUE, after.name.encode())

    def _read(self, names: Sequence[str]) -> Iterator[Schedule]:
        commands = [packed("HMGET", keys.schedule(name), SAVES, TEXT) for name in names]
        replies = self._store.pipeline(commands)
        for name, reply in zip(names, replies, strict=True):
            if schedule := self._decoded(name, reply):
                yield schedule

    def _decoded(self, name: str, reply: object) -> Schedule | None:
        try:
            if isinstance(reply, Exception):
                raise reply
            if not isinstance(reply, list) or reply == [None, None]:
                return None
            return decode_schedule(name, dict(zip((SAVES, TEXT), reply, strict=True)))
        except Exception as error:  # whatever is wrong with one, the others are read
            self._skipped_items.log_once("read_schedule", name, error)
            return None


def _require_saved(schedule: Schedule, reply: SaveReply) -> None:
    """Raises StoreFull or StaleSchedule for a change that was refused."""
    if reply.refused_by == "require_absent":
        raise StoreFull("memory is at 85 % of its limit")
    if not reply.saved:
        raise StaleSchedule(schedule.name)


def _text(name: bytes) -> str:
    return name.decode(errors="replace")
