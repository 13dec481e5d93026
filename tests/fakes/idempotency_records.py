from collections.abc import Sequence
from datetime import datetime, timedelta

from application.ports.clock import Clock
from application.ports.idempotency_records import IdempotencyRecords, StoredIdempotencyRecord
from tests.fakes.task_store import FakeTaskStore


class FakeIdempotencyRecords(IdempotencyRecords):
    def __init__(self, store: FakeTaskStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._kept: dict[str, datetime] = {}

    def due(self, age: timedelta, *, limit: int) -> Sequence[StoredIdempotencyRecord]:
        latest = self._clock.now() - age
        return [
            StoredIdempotencyRecord(name=name, task_ids=ids)
            for name, (_, ids, at) in self._store.idempotency_records.items()
            if self._kept.get(name, at) <= latest
        ][:limit]

    def renew(self, record: StoredIdempotencyRecord) -> None:
        self._kept[record.name] = self._clock.now()

    def forget(self, record: StoredIdempotencyRecord) -> None:
        self._store.idempotency_records.pop(record.name, None)
