"""The Flask application with everything in memory."""

from pathlib import Path

import pytest
from dependency_injector import providers
from flask import Flask
from flask.testing import FlaskClient

from application.optimistic_update import OptimisticUpdate
from entrypoints.api.app import create_app
from entrypoints.container import Container
from entrypoints.settings import Settings
from tests.fakes.clock import FakeClock
from tests.fakes.delivery_log import FakeDeliveryLog
from tests.fakes.event_stream import FakeEventStream
from tests.fakes.heartbeats import FakeHeartbeats
from tests.fakes.idempotency_records import FakeIdempotencyRecords
from tests.fakes.outbox import FakeOutbox
from tests.fakes.queues import FakeQueues
from tests.fakes.series import FakeSeries
from tests.fakes.statistics import FakeStatistics
from tests.fakes.store_probe import FakeStoreProbe
from tests.fakes.task_counts import FakeTaskCounts
from tests.fakes.task_pages import FakeTaskPages
from tests.fakes.task_store import FakeTaskStore
from tests.fakes.wake_ups import FakeWakeUps

SETTINGS = Settings(
    max_result_bytes=1024 * 1024,
    handlers=(),
    http_allowed_hosts=(),
    http_allowed_networks=(),
    callback_secret=None,
    http_host="127.0.0.1",
    http_port=5000,
    http_workers=1,
    http_body_seconds=30,
    http_pending_per_client=512,
    redis_url="redis://nowhere",
    redis_min_replicas=0,
    data_dir=Path(".data"),
    worker_concurrency=1,
    lease_seconds=15,
    retention_seconds=60,
    max_body_bytes=4096,
    max_batch_bytes=65_536,
    shutdown_grace_seconds=1,
    queues=("default",),
    events_kept=1000,
    child_max_runs=0,
    child_max_memory=0,
    max_queues=1000,
    http_cache_mb=32,
    env="development",
)


@pytest.fixture
def container(
    store: FakeTaskStore, clock: FakeClock, stream: FakeEventStream, heartbeats: FakeHeartbeats
) -> Container:
    container = Container(settings=SETTINGS)
    for provider in (
        container.repository,
        container.leases,
        container.run_log,
        container.attempt_log,
    ):
        provider.override(providers.Object(store))
    for provider in (container.clock, container.store_clock):
        provider.override(providers.Object(clock))
    container.store_probe.override(providers.Object(FakeStoreProbe(store)))
    container.event_stream.override(providers.Object(stream))
    container.heartbeats.override(providers.Object(heartbeats))
    container.queues.override(providers.Object(FakeQueues(store)))
    container.wake_ups.override(providers.Object(FakeWakeUps(store)))
    container.statistics.override(providers.Object(FakeStatistics(store, clock)))
    container.task_counts.override(providers.Object(FakeTaskCounts(store)))
    container.task_pages.override(providers.Object(FakeTaskPages(store)))
    container.series.override(providers.Object(FakeSeries(store, clock)))
    outbox = FakeOutbox(store, clock)
    container.outbox.override(providers.Object(outbox))
    container.delivery_log.override(providers.Object(FakeDeliveryLog(outbox)))
    container.idempotency_records.override(providers.Object(FakeIdempotencyRecords(store, clock)))
    return container


@pytest.fixture
def stream(store: FakeTaskStore, clock: FakeClock) -> FakeEventStream:
    return FakeEventStream(store, clock)


@pytest.fixture
def heartbeats(clock: FakeClock) -> FakeHeartbeats:
    return FakeHeartbeats(clock)


@pytest.fixture
def update(store: FakeTaskStore) -> OptimisticUpdate:
    return OptimisticUpdate(store)


@pytest.fixture(scope="session")
def app() -> Flask:
    """The application, built once: that takes ten times as long as the test of a request."""
    return create_app(Container(settings=SETTINGS))


@pytest.fixture
def client(app: Flask, container: Container) -> FlaskClient:
    """A client of the application, which works with the container of this test."""
    app.extensions["container"] = container
    return app.test_client()
