"""Remove idempotency records of requests that are too old to be repeated."""

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
"""Number of tasks read at a time. A request may have submitted 1,000, with long results."""


class PruneIdempotencyRecords:
    """A record is stored for 24 hours, and for 24 more as long as one of its tasks is not final."""

    def __init__(
        self, records: IdempotencyRecords, repository: TaskRepository, clock: Clock
    ) -> None:
        self._records = records
        self._clock = clock
        self._skipped_items = SkippedItems()
        self._repository = repository

    def execute(self) -> int:
        """Examine one batch, or less when the time is up. Returns the number of removed records."""
        began, removed = self._clock.monotonic(), 0
        for record in self._records.due(RETENTION, limit=BATCH):
            if self._is_over(record):
                self._records.forget(record)
                removed += 1
            else:
                self._records.renew(record)
            if self._clock.monotonic() - began >= BUDGET_SECONDS:
                break
        return removed

    def _is_over(self, record: StoredIdempotencyRecord) -> bool:
        """Return whether all tasks are final.

        An unreadable task counts as not final, to hold up no other record.
        """
        ids = record.task_ids
        try:
            pages = (
                self._repository.get_many(ids[at : at + PAGE]) for at in range(0, len(ids), PAGE)
            )
            return all(task.status.is_final for page in pages for task in page)
        except StoreUnavailable:
            raise
        except Exception as error:
            self._skipped_items.log_once("prune_idempotency_records", record.name, error)
            return False
