"""The Flask application with everything in memory."""

from pathlib import Path

import pytest
from dependency_injector import providers
from flask import Flask
from flask.testing import FlaskClient

from application.optimistic_update import OptimisticUpdate
from entrypoints.api.access.open_streams import OpenStreams
from entrypoints.api.access.wrong_keys import WrongKeys
from entrypoints.api.app import create_app
from entrypoints.container import Container
from entrypoints.settings import Settings
from tests.fakes.access_keys import FakeAccessKeys
from tests.fakes.clock import FakeClock
from tests.fakes.event_stream import FakeEventStream
from tests.fakes.heartbeats import FakeHeartbeats
from tests.fakes.task_store import FakeTaskStore
from tests.unit.entrypoints.in_memory import fill_container

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
    io_concurrency=200,
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
    fill_container(container, store, clock, stream, heartbeats)
    return container


@pytest.fixture
def access_keys(clock: FakeClock) -> FakeAccessKeys:
    return FakeAccessKeys(clock)


@pytest.fixture(scope="session")
def guarded_app() -> Flask:
    """The application with TASKS_AUTH=keys."""
    return create_app(Container(settings=SETTINGS, tells_callers_apart=True))


@pytest.fixture
def guarded(guarded_app: Flask, container: Container, access_keys: FakeAccessKeys) -> FlaskClient:
    """A client of the application that asks for keys."""
    container.tells_callers_apart.override(providers.Object(True))
    container.access_keys.override(providers.Object(access_keys))
    guarded_app.extensions["container"] = container
    guarded_app.extensions["wrong_keys"] = WrongKeys()
    guarded_app.extensions["open_streams"] = OpenStreams(container.authenticate())
    return guarded_app.test_client()


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
