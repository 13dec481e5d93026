from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from adapters.redis.schedule_codec import (
    decode_schedule,
    encode_schedule,
    of_archive,
    to_archive,
)
from application.errors import StoreFull
from application.ports.clock import Clock
from application.ports.schedules import (
    MAX_SCHEDULES,
    Schedules,
    StaleSchedule,
    TooManySchedules,
)
from application.ports.task_archive import Stored
from application.ports.task_repository import IdempotencyRecord
from domain.schedule import Schedule
from domain.task import Task
from tests.fakes.task_store import FakeTaskStore


class FakeSchedules(Schedules):
    """Uses the real codec: only what Redis could store is stored."""

    def __init__(self, store: FakeTaskStore, clock: Clock, limit: int = MAX_SCHEDULES) -> None:
        self._store = store
        self._clock = clock
        self._limit = limit
        self._records: dict[str, Mapping[bytes, bytes]] = {}
        self._aside: dict[str, datetime] = {}

    def get(self, name: str) -> Schedule | None:
        self._store.check()
        record = self._records.get(name)
        return decode_schedule(name, record) if record else None

    def each(self, *, after: str = "") -> Iterator[Schedule]:
        self._store.check()
        for name in sorted(self._records):
            if name > after:
                yield decode_schedule(name, self._records[name])

    def add(self, schedule: Schedule) -> None:
        self._store.check()
        if self._store.full:
            raise StoreFull("the fake is full")
        if schedule.name not in self._records and len(self._records) >= self._limit:
            raise TooManySchedules
        self._put(None, schedule)

    def save(self, before: Schedule, after: Schedule) -> None:
        self._put(before, after)
        if after.last_skip and after.skipped != before.skipped:
            self._store.tell_of_skip(after, after.last_skip)

    def save_with_task(
        self,
        before: Schedule,
        after: Schedule,
        task: Task,
        idempotency_record: IdempotencyRecord | None = None,
    ) -> Task:
        with self._store._reached():
            if self._saves(before.name) != before.saves:
                raise StaleSchedule(before.name)
            [stored] = self._store.add([task], idempotency_record)
            self._put(before, after)
            return stored

    def remove(self, schedule: Schedule) -> None:
        self._store.check()
        if self._saves(schedule.name) != schedule.saves:
            raise StaleSchedule(schedule.name)
        del self._records[schedule.name]

    def due(self, *, limit: int) -> Sequence[Schedule]:
        now = self._clock.now()
        due = [
            schedule
            for schedule in self.each()
            if schedule.is_due(now) and self._aside.get(schedule.name, now) <= now
        ]
        return sorted(due, key=lambda each: each.due_at or now)[:limit]

    def archived(self, schedule: Schedule) -> Stored:
        return to_archive(schedule)

    def of_archive(self, name: str, stored: Stored) -> Schedule:
        return of_archive(name, stored)

    def set_aside(self, schedule: Schedule) -> None:
        if self._saves(schedule.name) == schedule.saves:
            self._aside[schedule.name] = self._clock.now() + timedelta(minutes=1)

    def _put(self, before: Schedule | None, after: Schedule) -> None:
        self._store.check()
        if self._saves(after.name) != (before.saves if before else None):
            raise StaleSchedule(after.name)
        self._records[after.name] = encode_schedule(after)
        self._aside.pop(after.name, None)

    def _saves(self, name: str) -> int | None:
        record = self._records.get(name)
        return decode_schedule(name, record).saves if record else None
