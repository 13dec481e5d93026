import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
import requests
from playwright.sync_api import Browser, Page

from adapters.celery.app import create_celery_app
from adapters.celery.wake_ups import CeleryWakeUps, WakeUpFactory
from adapters.redis.connection import connect
from adapters.redis.replies import milliseconds
from adapters.redis.store import RedisStore
from adapters.redis.task_leases import RedisTaskLeases
from adapters.redis.task_repository import RedisTaskRepository
from adapters.system.context_actors import ContextActors
from application.ports.actors import Actors
from domain.actor import MAINTENANCE
from entrypoints.container import Container, build_container
from entrypoints.environment import load_settings
from tests.integration.archives import Work
from tests.integration.dashboard_pages import submit_every_kind
from tests.integration.local_stacks import Local, LocalStack
from tests.integration.playwright_browser import open_page, running_browser
from tests.integration.ports import free_port
from tests.integration.processes import Api, ServiceProcess
from tests.integration.receiver import Receiver
from tests.integration.waiting import PATIENCE, wait_until
from tests.integration.workers import a_worker

LEASE = timedelta(seconds=5)
"""Long enough that no lease of a test ends while a busy machine lets the test wait."""
EVENTS_KEPT = 1_000


@pytest.fixture(scope="module")
def server(
    redis_server_url: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Api]:
    """Start one API for all tests of a module: two processes, or as its API_SETTINGS say."""
    settings = {"http_workers": 2, **getattr(request.module, "API_SETTINGS", {})}
    with Api(
        tmp_path_factory.mktemp("api") / "api.log", redis_url=redis_server_url, **settings
    ) as api:
        yield api


@pytest.fixture(autouse=True)
def closed_pools(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close the connections to Redis that a test opened.

    Otherwise the garbage collector finds them during a later test, which then fails.
    """
    pools: list[redis.ConnectionPool] = []
    initialize = redis.ConnectionPool.__init__

    def initialize_and_note(pool: redis.ConnectionPool, *args: Any, **options: Any) -> None:
        initialize(pool, *args, **options)
        pools.append(pool)

    monkeypatch.setattr(redis.ConnectionPool, "__init__", initialize_and_note)
    yield
    for pool in pools:
        pool.disconnect()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def api(server: Api, redis_url: str) -> Api:
    """The server with an empty store."""
    return server


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """Looks at Redis directly."""
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def own_layout(client: redis.Redis) -> Iterator[None]:
    """Remove the layout after the test: the services of a module start before Redis is emptied."""
    yield
    client.delete("tm:layout", "tm:layout:readers")


@pytest.fixture
def redis_store(redis_url: str) -> Iterator[RedisStore]:
    client = connect(redis_url)
    yield RedisStore(client)
    client.close()


@pytest.fixture
def wake_up_factory(redis_url: str) -> WakeUpFactory:
    return WakeUpFactory(create_celery_app(redis_url, ["default"]))


@pytest.fixture
def wake_ups(redis_store: RedisStore, wake_up_factory: WakeUpFactory) -> CeleryWakeUps:
    return CeleryWakeUps(redis_store, wake_up_factory)


@pytest.fixture
def actors() -> Actors:
    return ContextActors(MAINTENANCE)


@pytest.fixture
def repository(
    redis_store: RedisStore, wake_up_factory: WakeUpFactory, actors: Actors
) -> RedisTaskRepository:
    return RedisTaskRepository(redis_store, wake_up_factory.wake_up_of, EVENTS_KEPT, actors=actors)


@pytest.fixture
def leases(
    redis_store: RedisStore, repository: RedisTaskRepository, wake_up_factory: WakeUpFactory
) -> RedisTaskLeases:
    """Wait until the server is older than a lease: before that, no lease counts as expired."""
    with redis_store.client() as client:
        wait_until(lambda: client.info("server")["uptime_in_seconds"] >= LEASE.total_seconds())
    return RedisTaskLeases(redis_store, repository, wake_up_factory.wake_up_of, LEASE, EVENTS_KEPT)


@pytest.fixture
def let_a_millisecond_pass(client: redis.Redis) -> Callable[[], None]:
    def wait() -> None:
        began = milliseconds(client.time())
        while milliseconds(client.time()) == began:
            pass

    return wait


@pytest.fixture
def let_leases_run_out(client: redis.Redis) -> Callable[[], None]:
    """Put the end of every lease that is there now into the past."""

    def end() -> None:
        passed = milliseconds(client.time()) - 1
        client.zadd("tm:leases", dict.fromkeys(client.zrange("tm:leases", 0, -1), passed), xx=True)

    return end


@pytest.fixture
def maintenance(redis_url: str, tmp_path: Path) -> Iterator[ServiceProcess]:
    with ServiceProcess(
        "maintenance", tmp_path / "maintenance.log", redis_url=redis_url, lease_seconds=3
    ) as process:
        yield process


@pytest.fixture
def functions(request: pytest.FixtureRequest) -> dict[str, object]:
    """Return the setting of the functions that the API of the module knows, for its workers."""
    settings = getattr(request.module, "API_SETTINGS", {})
    return {name: value for name, value in settings.items() if name == "handlers"}


@pytest.fixture
def worker(
    redis_url: str, tmp_path: Path, functions: dict[str, object]
) -> Iterator[ServiceProcess]:
    """Start a worker with two children."""
    with a_worker(redis_url, tmp_path / "worker.log", **functions) as worker:
        yield worker


@pytest.fixture
def worker_of_short_leases(
    redis_url: str, tmp_path: Path, functions: dict[str, object]
) -> Iterator[ServiceProcess]:
    with a_worker(redis_url, tmp_path / "worker.log", lease_seconds=3, **functions) as worker:
        yield worker


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., LocalStack]]:
    """Start local stacks with a call each, and end them after the test."""
    stacks: list[LocalStack] = []

    def start(data_dir: str = "data", port: int | None = None) -> LocalStack:
        log = tmp_path / f"stack{len(stacks)}.log"
        stack = LocalStack(log, tmp_path / data_dir, port or free_port())
        stacks.append(stack.__enter__())
        return stack

    yield start
    for stack in stacks:
        stack.__exit__()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def stack(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    """Start the service with the functions of the dashboard's tests, for a module."""
    folder = tmp_path_factory.mktemp("stack")
    settings = {
        "handlers": "tests.integration.dashboard_handlers",
        "http_allowed_networks": "127.0.0.0/8",
        "worker_concurrency": 2,
    }
    with Local(folder / "stack.log", folder / "data", **settings) as stack:
        stack.url()
        yield stack


@pytest.fixture(scope="module")
def url(stack: Local) -> str:
    return stack.url()


@pytest.fixture(scope="module")
def known() -> dict[str, str]:
    """What `data` returned last."""
    return {}


@pytest.fixture
def data(url: str, known: dict[str, str]) -> dict[str, str]:
    """Submit tasks of every kind, unless they are there. Returns ids by what they show."""
    if known and requests.get(f"{url}/tasks/{known['done']}", timeout=PATIENCE).ok:
        return known
    known |= submit_every_kind(url)
    return known


@pytest.fixture
def page(chromium: Browser, stack: Local) -> Iterator[Page]:
    """A tab without history or storage. Go to "ui/#/…"."""
    with open_page(chromium, f"{stack.url()}/") as page:
        yield page


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the settings of the service from the environment of this process."""
    for name in [name for name in os.environ if name.startswith("TASKS_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def container(redis_url: str, no_settings: None, monkeypatch: pytest.MonkeyPatch) -> Container:
    """Return the container of a process with the default settings."""
    monkeypatch.setenv("TASKS_REDIS_URL", redis_url)
    return build_container(load_settings())


@pytest.fixture
def work(repository: RedisTaskRepository, leases: RedisTaskLeases, redis_store: RedisStore) -> Work:
    return Work(repository, leases, redis_store)
