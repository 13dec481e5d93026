"""Put fakes behind every port of a container."""

from dependency_injector import providers

from entrypoints.container import Container
from tests.fakes.clock import FakeClock
from tests.fakes.delivery_log import FakeDeliveryLog
from tests.fakes.event_stream import FakeEventStream
from tests.fakes.heartbeats import FakeHeartbeats
from tests.fakes.idempotency_records import FakeIdempotencyRecords
from tests.fakes.outbox import FakeOutbox
from tests.fakes.queues import FakeQueues
from tests.fakes.schedules import FakeSchedules
from tests.fakes.series import FakeSeries
from tests.fakes.statistics import FakeStatistics
from tests.fakes.store_probe import FakeStoreProbe
from tests.fakes.task_counts import FakeTaskCounts
from tests.fakes.task_pages import FakeTaskPages
from tests.fakes.task_store import FakeTaskStore
from tests.fakes.wake_ups import FakeWakeUps


def fill_container(
    container: Container,
    store: FakeTaskStore,
    clock: FakeClock,
    stream: FakeEventStream,
    heartbeats: FakeHeartbeats,
) -> None:
    outbox = FakeOutbox(store, clock)
    fakes = {
        **dict.fromkeys(("repository", "leases", "run_log", "attempt_log", "task_history"), store),
        **dict.fromkeys(("clock", "store_clock"), clock),
        "rate_limits": store.rate_limits,
        "store_probe": FakeStoreProbe(store),
        "event_stream": stream,
        "heartbeats": heartbeats,
        "queues": FakeQueues(store),
        "wake_ups": FakeWakeUps(store),
        "statistics": FakeStatistics(store, clock),
        "task_counts": FakeTaskCounts(store),
        "task_pages": FakeTaskPages(store),
        "schedules": FakeSchedules(store, clock),
        "series": FakeSeries(store, clock),
        "outbox": outbox,
        "delivery_log": FakeDeliveryLog(outbox),
        "idempotency_records": FakeIdempotencyRecords(store, clock),
    }
    for name, fake in fakes.items():
        getattr(container, name).override(providers.Object(fake))
