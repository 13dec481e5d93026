"""Remove idempotency records of requests that are too old to be repeated."""

from dataclasses import dataclass
from datetime import timedelta

from application.errors import StoreFull, StoreUnavailable
from application.ports.clock import Clock
from application.ports.idempotency_records import IdempotencyRecords, StoredIdempotencyRecord
from application.ports.task_repository import TaskRepository
from application.skipped_items import SkippedItems
from application.sweep import BUDGET_SECONDS

RETENTION = timedelta(hours=24)
BATCH = 100
PAGE = 50
"""Number of tasks read at a time. A request may have submitted 1,000, with long results."""


@dataclass(frozen=True, kw_only=True)
class PrunedRecords:
    """The result of pruning."""

    removed: int
    is_unfinished: bool
    """True when more records may be due."""


class PruneIdempotencyRecords:
    """A record is stored for 24 hours, and for 24 more as long as one of its tasks is not final."""

    def __init__(
        self, records: IdempotencyRecords, repository: TaskRepository, clock: Clock
    ) -> None:
        self._records = records
        self._clock = clock
        self._skipped_items = SkippedItems()
        self._repository = repository

    def execute(self) -> PrunedRecords:
        """Examine one batch, or less when the time is up. Raises StoreUnavailable.

        A record that a full store refuses to change is logged, and does not hold up the others.
        """
        began, removed, examined = self._clock.monotonic(), 0, 0
        records = self._records.due(RETENTION, limit=BATCH)
        for record in records:
            try:
                removed += self._prune(record)
                examined += 1
            except StoreFull as error:
                self._skipped_items.log_once("prune_idempotency_records", record.name, error)
            if self._clock.monotonic() - began >= BUDGET_SECONDS:
                break
        is_unfinished = examined > 0 and (examined < len(records) or len(records) == BATCH)
        return PrunedRecords(removed=removed, is_unfinished=is_unfinished)

    def _prune(self, record: StoredIdempotencyRecord) -> bool:
        """Remove the record, or renew it. Returns whether it was removed."""
        if self._is_over(record):
            self._records.forget(record)
            return True
        self._records.renew(record)
        return False

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
