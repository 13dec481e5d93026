"""The fakes keep the contracts that the adapters keep."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from application.ports.actors import Actors
from application.ports.task_handlers import TaskHandlers
from tests.contracts.access_keys import AccessKeysContract
from tests.contracts.attempt_log import AttemptLogContract
from tests.contracts.clock import ClockContract
from tests.contracts.delivery_log import DeliveryLogContract
from tests.contracts.event_stream import EventStreamContract
from tests.contracts.heartbeats import HeartbeatsContract
from tests.contracts.idempotency_records import IdempotencyRecordsContract
from tests.contracts.outbox import LEASE, OutboxContract
from tests.contracts.queues import QueuesContract
from tests.contracts.rate_limits import RateLimitsContract
from tests.contracts.run_log import RunLogContract
from tests.contracts.schedules import LIMIT, SchedulesContract
from tests.contracts.series import SeriesContract
from tests.contracts.statistics import StatisticsContract
from tests.contracts.store_inspection import StoreInspectionContract
from tests.contracts.store_layout import StoreLayoutContract
from tests.contracts.store_probe import StoreProbeContract
from tests.contracts.task_archive import TaskArchiveContract
from tests.contracts.task_counts import TaskCountsContract
from tests.contracts.task_handlers import TaskHandlersContract
from tests.contracts.task_history import TaskHistoryContract
from tests.contracts.task_leases import TaskLeasesContract
from tests.contracts.task_pages import TaskPagesContract
from tests.contracts.task_repository import TaskRepositoryContract
from tests.contracts.wake_ups import WakeUpsContract
from tests.fakes.access_keys import FakeAccessKeys
from tests.fakes.clock import FakeClock
from tests.fakes.delivery_log import FakeDeliveryLog
from tests.fakes.event_stream import FakeEventStream
from tests.fakes.heartbeats import FakeHeartbeats
from tests.fakes.idempotency_records import FakeIdempotencyRecords
from tests.fakes.outbox import FakeOutbox
from tests.fakes.queues import FakeQueues
from tests.fakes.rate_limits import FakeRateLimits
from tests.fakes.schedules import FakeSchedules
from tests.fakes.series import FakeSeries
from tests.fakes.statistics import FakeStatistics
from tests.fakes.store_inspection import FakeStoreInspection
from tests.fakes.store_layout import FakeStoreLayout
from tests.fakes.store_probe import FakeStoreProbe
from tests.fakes.task_archive import FakeTaskArchive
from tests.fakes.task_counts import FakeTaskCounts
from tests.fakes.task_handlers import FakeTaskHandlers
from tests.fakes.task_pages import FakeTaskPages
from tests.fakes.task_store import FakeTaskStore
from tests.fakes.wake_ups import FakeWakeUps


@pytest.fixture(name="repository")
def _repository(store: FakeTaskStore) -> FakeTaskStore:
    return store


@pytest.fixture(name="leases")
def _leases(store: FakeTaskStore) -> FakeTaskStore:
    return store


class TestFakeTaskRepository(TaskRepositoryContract):
    @pytest.fixture
    def let_a_millisecond_pass(self, clock: FakeClock) -> Callable[[], None]:
        return lambda: clock.advance(timedelta(milliseconds=1))


class TestFakeTaskLeases(TaskLeasesContract):
    @pytest.fixture
    def let_leases_run_out(self, clock: FakeClock) -> Callable[[], None]:
        return lambda: clock.advance(timedelta(seconds=15))


class TestFakeAccessKeys(AccessKeysContract):
    @pytest.fixture
    def access_keys(self, clock: FakeClock) -> FakeAccessKeys:
        return FakeAccessKeys(clock)


class TestFakeRateLimits(RateLimitsContract):
    @pytest.fixture
    def rate_limits(self, clock: FakeClock) -> FakeRateLimits:
        return FakeRateLimits(clock)


class TestFakeSchedules(SchedulesContract):
    @pytest.fixture
    def schedules(self, store: FakeTaskStore, clock: FakeClock) -> FakeSchedules:
        return FakeSchedules(store, clock, LIMIT)


class TestFakeOutbox(OutboxContract):
    @pytest.fixture
    def outbox(self, store: FakeTaskStore, clock: FakeClock) -> FakeOutbox:
        return FakeOutbox(store, clock)

    @pytest.fixture
    def store_clock(self, clock: FakeClock) -> FakeClock:
        return clock

    @pytest.fixture
    def let_callback_leases_run_out(self, clock: FakeClock) -> Callable[[], None]:
        return lambda: clock.advance(2 * LEASE)


class TestFakeDeliveryLog(DeliveryLogContract):
    @pytest.fixture
    def outbox(self, store: FakeTaskStore, clock: FakeClock) -> FakeOutbox:
        return FakeOutbox(store, clock)

    @pytest.fixture
    def delivery_log(self, outbox: FakeOutbox) -> FakeDeliveryLog:
        return FakeDeliveryLog(outbox)

    @pytest.fixture
    def store_clock(self, clock: FakeClock) -> FakeClock:
        return clock


class TestFakeRunLog(RunLogContract):
    @pytest.fixture
    def run_log(self, store: FakeTaskStore) -> FakeTaskStore:
        return store


class TestFakeAttemptLog(AttemptLogContract):
    @pytest.fixture
    def attempt_log(self, store: FakeTaskStore) -> FakeTaskStore:
        return store


class TestFakeTaskHistory(TaskHistoryContract):
    @pytest.fixture
    def history(self, store: FakeTaskStore) -> FakeTaskStore:
        return store

    @pytest.fixture
    def actors(self, store: FakeTaskStore) -> Actors:
        return store.actors


class TestFakeStoreProbe(StoreProbeContract):
    @pytest.fixture
    def probe(self, store: FakeTaskStore) -> FakeStoreProbe:
        return FakeStoreProbe(store)

    @pytest.fixture
    def number_of_events(self, store: FakeTaskStore) -> Callable[[], int]:
        return lambda: len(store.events)


class TestFakeEventStream(EventStreamContract):
    @pytest.fixture
    def stream(self, store: FakeTaskStore, clock: FakeClock) -> FakeEventStream:
        return FakeEventStream(store, clock)


class TestFakeQueues(QueuesContract):
    @pytest.fixture
    def queues(self, store: FakeTaskStore) -> FakeQueues:
        return FakeQueues(store)


class TestFakeTaskCounts(TaskCountsContract):
    @pytest.fixture
    def task_counts(self, store: FakeTaskStore) -> FakeTaskCounts:
        return FakeTaskCounts(store)


class TestFakeTaskPages(TaskPagesContract):
    @pytest.fixture
    def task_pages(self, store: FakeTaskStore) -> FakeTaskPages:
        return FakeTaskPages(store)


class TestFakeSeries(SeriesContract):
    @pytest.fixture
    def series(self, store: FakeTaskStore, clock: FakeClock) -> FakeSeries:
        return FakeSeries(store, clock)

    @pytest.fixture
    def let_a_minute_pass(self, clock: FakeClock) -> Callable[[], None]:
        return lambda: clock.advance(timedelta(minutes=1))


class TestFakeStatistics(StatisticsContract):
    @pytest.fixture
    def statistics(self, store: FakeTaskStore, clock: FakeClock) -> FakeStatistics:
        return FakeStatistics(store, clock)

    @pytest.fixture
    def let_leases_run_out(self, clock: FakeClock) -> Callable[[], None]:
        return lambda: clock.advance(timedelta(seconds=15))


class TestFakeIdempotencyRecords(IdempotencyRecordsContract):
    @pytest.fixture
    def idempotency_records(self, store: FakeTaskStore, clock: FakeClock) -> FakeIdempotencyRecords:
        return FakeIdempotencyRecords(store, clock)

    @pytest.fixture
    def let_a_day_pass(self, clock: FakeClock) -> Callable[[], None]:
        return lambda: clock.advance(timedelta(days=1))


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


class TestFakeWakeUps(WakeUpsContract):
    @pytest.fixture
    def queues(self, store: FakeTaskStore) -> FakeQueues:
        return FakeQueues(store)

    @pytest.fixture
    def wake_ups(self, store: FakeTaskStore) -> FakeWakeUps:
        return FakeWakeUps(store)

    @pytest.fixture
    def lose_wake_ups(self, wake_ups: FakeWakeUps) -> Callable[[], None]:
        return wake_ups.lose


class TestFakeTaskArchive(TaskArchiveContract):
    @pytest.fixture
    def archive(self, store: FakeTaskStore) -> FakeTaskArchive:
        return FakeTaskArchive(store)

    @pytest.fixture
    def run_log(self, store: FakeTaskStore) -> FakeTaskStore:
        return store

    @pytest.fixture
    def empty_store(self, store: FakeTaskStore) -> Callable[[], None]:
        return store.forget_everything


class TestFakeStoreLayout(StoreLayoutContract):
    @pytest.fixture
    def layout(self) -> FakeStoreLayout:
        return FakeStoreLayout()


class TestFakeStoreInspection(StoreInspectionContract):
    @pytest.fixture
    def inspection(self, clock: FakeClock) -> FakeStoreInspection:
        return FakeStoreInspection(clock)
