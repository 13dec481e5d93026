"""The fakes keep the contracts that the adapters keep."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from application.ports.task_handlers import TaskHandlers
from tests.contracts.clock import ClockContract
from tests.contracts.heartbeats import HeartbeatsContract
from tests.contracts.run_reports import RunReportsContract
from tests.contracts.task_handlers import TaskHandlersContract
from tests.contracts.task_leases import TaskLeasesContract
from tests.contracts.task_repository import TaskRepositoryContract
from tests.fakes.clock import FakeClock
from tests.fakes.heartbeats import FakeHeartbeats
from tests.fakes.task_handlers import FakeTaskHandlers
from tests.fakes.task_store import FakeTaskStore


@pytest.fixture(name="repository")
def _repository(store: FakeTaskStore) -> FakeTaskStore:
    return store


@pytest.fixture(name="leases")
def _leases(store: FakeTaskStore) -> FakeTaskStore:
    return store


class TestFakeTaskRepository(TaskRepositoryContract):
    pass


class TestFakeTaskLeases(TaskLeasesContract):
    @pytest.fixture
    def let_leases_run_out(self, clock: FakeClock) -> Callable[[], None]:
        return lambda: clock.advance(timedelta(seconds=15))


class TestFakeRunReports(RunReportsContract):
    @pytest.fixture
    def reports(self, store: FakeTaskStore) -> FakeTaskStore:
        return store


class TestFakeTaskHandlers(TaskHandlersContract):
    @pytest.fixture
    def handlers(self) -> TaskHandlers:
        return FakeTaskHandlers(lambda task: None)


class TestFakeHeartbeats(HeartbeatsContract):
    @pytest.fixture
    def heartbeats(self, clock: FakeClock) -> FakeHeartbeats:
        return FakeHeartbeats(clock)


class TestFakeClock(ClockContract):
    pass
