"""Pruning of idempotency records goes past those that a full store refuses, and says what is left.

test_limits.py has its times.
"""

from datetime import timedelta

from application.errors import StoreFull
from application.ports.idempotency_records import StoredIdempotencyRecord
from application.use_cases.maintenance.prune_idempotency_records import (
    BATCH,
    PrunedRecords,
    PruneIdempotencyRecords,
)
from domain.status import Status
from tests.fakes.clock import FakeClock
from tests.fakes.idempotency_records import FakeIdempotencyRecords
from tests.fakes.task_store import FakeTaskStore
from tests.storing import save


def remember(store: FakeTaskStore, clock: FakeClock, status: Status, number: int = 1) -> None:
    """Store records of a task with this status. They are due, the first one first."""
    task = save(store, status)
    for _ in range(number):
        name = f"{len(store.idempotency_records):04}"
        at = clock.now() - timedelta(hours=24)
        store.idempotency_records[name] = (b"1" * 32, [task.task_id], at)


def test_a_record_that_a_full_store_refuses_to_renew_holds_up_no_other(
    store: FakeTaskStore, clock: FakeClock
) -> None:
    class FullRecords(FakeIdempotencyRecords):
        def renew(self, record: StoredIdempotencyRecord) -> None:
            raise StoreFull("OOM command not allowed")

    remember(store, clock, Status.QUEUED)
    remember(store, clock, Status.CANCELLED)
    prune = PruneIdempotencyRecords(FullRecords(store, clock), store, clock)

    assert prune.execute().removed == 1
    assert list(store.idempotency_records) == ["0000"]
    assert prune.execute() == PrunedRecords(removed=0, is_unfinished=False)


def test_pruning_is_unfinished_after_a_full_batch_also_when_its_records_were_renewed(
    store: FakeTaskStore, clock: FakeClock
) -> None:
    remember(store, clock, Status.QUEUED, BATCH)
    remember(store, clock, Status.CANCELLED)
    prune = PruneIdempotencyRecords(FakeIdempotencyRecords(store, clock), store, clock)

    assert prune.execute() == PrunedRecords(removed=0, is_unfinished=True)
    assert prune.execute() == PrunedRecords(removed=1, is_unfinished=False)
