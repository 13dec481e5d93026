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
            StoredIdempotencyRecord(name=name, task_ids=ids, moment=self._moment(name))
            for name, (_, ids, _) in self._store.idempotency_records.items()
            if self._moment(name) <= latest.timestamp()
        ][:limit]

    def renew(self, record: StoredIdempotencyRecord) -> None:
        self._kept[record.name] = self._clock.now()

    def forget(self, record: StoredIdempotencyRecord) -> None:
        if self._moment(record.name) == record.moment:
            del self._store.idempotency_records[record.name]

    def _moment(self, name: str) -> float | None:
        if name not in self._store.idempotency_records:
            return None
        *_, at = self._store.idempotency_records[name]
        return self._kept.get(name, at).timestamp()
