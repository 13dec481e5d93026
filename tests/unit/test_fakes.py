"""The fakes keep the contracts that the adapters keep."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from application.ports.task_handlers import TaskHandlers
from domain.webhook import WebhookResponse
from tests.contracts.clock import ClockContract
from tests.contracts.event_stream import EventStreamContract
from tests.contracts.heartbeats import HeartbeatsContract
from tests.contracts.idempotency_records import IdempotencyRecordsContract
from tests.contracts.outbox import OutboxContract
from tests.contracts.queues import QueuesContract
from tests.contracts.run_log import RunLogContract
from tests.contracts.statistics import StatisticsContract
from tests.contracts.store_probe import StoreProbeContract
from tests.contracts.task_handlers import TaskHandlersContract
from tests.contracts.task_leases import TaskLeasesContract
from tests.contracts.task_repository import TaskRepositoryContract
from tests.contracts.wake_ups import WakeUpsContract
from tests.contracts.webhook_sender import WebhookSenderContract
from tests.fakes.clock import FakeClock
from tests.fakes.event_stream import FakeEventStream
from tests.fakes.heartbeats import FakeHeartbeats
from tests.fakes.idempotency_records import FakeIdempotencyRecords
from tests.fakes.outbox import FakeOutbox
from tests.fakes.queues import FakeQueues
from tests.fakes.statistics import FakeStatistics
from tests.fakes.task_handlers import FakeTaskHandlers
from tests.fakes.task_store import FakeTaskStore
from tests.fakes.wake_ups import FakeWakeUps
from tests.fakes.webhook_sender import FakeWebhookSender


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


class TestFakeOutbox(OutboxContract):
    @pytest.fixture
    def outbox(self, store: FakeTaskStore, clock: FakeClock) -> FakeOutbox:
        return FakeOutbox(store, clock)

    @pytest.fixture
    def store_clock(self, clock: FakeClock) -> FakeClock:
        return clock

    @pytest.fixture
    def let_callback_leases_run_out(self, clock: FakeClock) -> Callable[[], None]:
        return lambda: clock.advance(timedelta(seconds=2))


class TestFakeRunLog(RunLogContract):
    @pytest.fixture
    def run_log(self, store: FakeTaskStore) -> FakeTaskStore:
        return store


class TestFakeEventStream(EventStreamContract):
    @pytest.fixture
    def stream(self, store: FakeTaskStore, clock: FakeClock) -> FakeEventStream:
        return FakeEventStream(store, clock)


class TestFakeQueues(QueuesContract):
    @pytest.fixture
    def queues(self, store: FakeTaskStore) -> FakeQueues:
        return FakeQueues(store)


class TestFakeStatistics(StatisticsContract):
    @pytest.fixture
    def statistics(self, store: FakeTaskStore, clock: FakeClock) -> FakeStatistics:
        return FakeStatistics(store, clock)


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


class TestFakeStoreProbe(StoreProbeContract):
    @pytest.fixture
    def probe(self, store: FakeTaskStore) -> FakeTaskStore:
        return store

    @pytest.fixture
    def make_unsafe(self, store: FakeTaskStore) -> Callable[[], None]:
        return lambda: store.dangers.append("appendonly is no")

    @pytest.fixture
    def fill_store(self, store: FakeTaskStore) -> Callable[[], None]:
        return lambda: setattr(store, "full", True)

    @pytest.fixture
    def unavailable_probe(self, clock: FakeClock) -> FakeTaskStore:
        store = FakeTaskStore(clock)
        store.away = True
        return store


class TestFakeWebhookSender(WebhookSenderContract):
    @pytest.fixture
    def sender(self, dead_url: str) -> FakeWebhookSender:
        sender = FakeWebhookSender()
        sender.response = WebhookResponse(status=204)
        sender.unreachable.add(dead_url)
        return sender

    @pytest.fixture
    def receiver_url(self) -> str:
        return "https://example.com/"

    @pytest.fixture
    def dead_url(self) -> str:
        return "https://example.com/dead"

    @pytest.fixture
    def received(self, sender: FakeWebhookSender) -> Callable[[], Sequence[str]]:
        return lambda: [webhook.message_id for webhook in sender.sent]
