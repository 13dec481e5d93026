from collections.abc import Sequence
from datetime import datetime, timedelta

from application.ports.clock import Clock
from application.ports.receipts import Receipts, StoredReceipt
from tests.fakes.task_store import FakeTaskStore


class FakeReceipts(Receipts):
    def __init__(self, store: FakeTaskStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._kept: dict[str, datetime] = {}

    def due(self, age: timedelta, *, limit: int) -> Sequence[StoredReceipt]:
        latest = self._clock.now() - age
        return [
            StoredReceipt(name=name, task_ids=ids)
            for name, (_, ids, at) in self._store.receipts.items()
            if self._kept.get(name, at) <= latest
        ][:limit]

    def keep(self, receipt: StoredReceipt) -> None:
        self._kept[receipt.name] = self._clock.now()

    def forget(self, receipt: StoredReceipt) -> None:
        del self._store.receipts[receipt.name]
