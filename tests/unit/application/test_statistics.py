"""Statistics about the tasks that ran."""

from datetime import timedelta

import pytest

from application.ports.store_probe import StoreCapacity
from application.ports.task_repository import Change
from application.use_cases.operations.get_statistics import GetStatistics, StoreUse
from domain.status import Status
from tests.fakes.clock import FakeClock
from tests.fakes.statistics import FakeStatistics
from tests.fakes.store_probe import FakeStoreProbe
from tests.fakes.task_store import FakeTaskStore
from tests.storing import save


def test_percentiles_are_of_the_nearest_rank(store: FakeTaskStore, clock: FakeClock) -> None:
    measure = GetStatistics(FakeStatistics(store, clock), FakeStoreProbe(store))
    assert (measure.execute().sample, measure.execute().run_seconds) == (0, {})
    for seconds in range(1, 101):
        save(store)
        run = store.claim("default", owner="a:1", claim_id=str(seconds))
        clock.advance(timedelta(seconds=seconds))
        store.save(Change(before=run, after=run.complete(None, clock.now())))

    measures = measure.execute()

    assert measures.sample == 100
    assert measures.run_seconds == {50: 50, 95: 95, 99: 99}
    assert measures.by_status[Status.COMPLETED] == 100


@pytest.mark.parametrize(
    ("used", "limit", "is_full"), [(84, 100, False), (85, 100, True), (9, 0, False)]
)
def test_the_store_is_full_when_new_tasks_are_refused(
    store: FakeTaskStore, clock: FakeClock, used: int, limit: int, *, is_full: bool
) -> None:
    probe = FakeStoreProbe(store)
    probe.capacity_now = StoreCapacity(used_memory=used, max_memory=limit)

    found = GetStatistics(FakeStatistics(store, clock), probe).execute().store

    assert found == StoreUse(used_memory=used, max_memory=limit, is_full=is_full)
