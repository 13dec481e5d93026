"""Statistics about the tasks that ran."""

from datetime import timedelta

from application.ports.task_repository import Change
from application.use_cases.operations.get_statistics import GetStatistics
from domain.status import Status
from tests.fakes.clock import FakeClock
from tests.fakes.statistics import FakeStatistics
from tests.fakes.task_store import FakeTaskStore
from tests.storing import save


def test_percentiles_are_of_the_nearest_rank(store: FakeTaskStore, clock: FakeClock) -> None:
    measure = GetStatistics(FakeStatistics(store, clock))
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
