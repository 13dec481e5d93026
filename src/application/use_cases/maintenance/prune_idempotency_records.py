"""Forget the names of requests that nobody will repeat any more."""

from datetime import timedelta

from application.errors import StoreUnavailable
from application.ports.clock import Clock
from application.ports.idempotency_records import IdempotencyRecords, StoredIdempotencyRecord
from application.ports.task_repository import TaskRepository
from application.skipped_items import SkippedItems
from application.sweep import BUDGET_SECONDS

RETENTION = timedelta(hours=24)
BATCH = 100
PAGE = 50
"""How many tasks are read at once: a request may have made 1,000, with long results."""


class PruneIdempotencyRecords:
    """An idempotency record is kept for 24 hours, and for another 24 for as long as one of its tasks is not final."""

    def __init__(self, idempotency_records: IdempotencyRecords, repository: TaskRepository, clock: Clock) -> None:
        self._idempotency_records = idempotency_records
        self._clock = clock
        self._skipped_items = SkippedItems()
        self._repository = repository

    def execute(self) -> int:
        """Look at one batch at most, and begin no further record once the time is up. Returns how many it forgot."""
        began, forgotten = self._clock.monotonic(), 0
        for idempotency_record in self._idempotency_records.due(RETENTION, limit=BATCH):
            if self._is_over(idempotency_record):
                self._idempotency_records.forget(idempotency_record)
                forgotten += 1
            else:
                self._idempotency_records.keep(idempotency_record)
            if self._clock.monotonic() - began >= BUDGET_SECONDS:
                break
        return forgotten

    def _is_over(self, idempotency_record: StoredIdempotencyRecord) -> bool:
        """A task that cannot be read counts as not final, so that it does not hold up the other idempotency records."""
        ids = idempotency_record.task_ids
        try:
            pages = (self._repository.get_many(ids[at : at + PAGE]) for at in range(0, len(ids), PAGE))
            return all(task.status.is_final for page in pages for task in page)
        except StoreUnavailable:
            raise
        except Exception as error:
            self._skipped_items.tell("prune_idempotency_records", idempotency_record.name, error)
            return False
