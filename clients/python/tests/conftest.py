"""The client in both forms, and the service that it talks to."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from client_forms import FORMS, AnyClient
from command_line import CommandLine
from tests.integration.processes import Api, ServiceProcess
from tests.integration.receiver import SECRET, Receiver
from tests.integration.waiting import wait_until
from tests.integration.workers import a_worker

from task_manager_client import Retries


@pytest.fixture(scope="module")
def service(redis_server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Start an API, a worker and maintenance with an empty store, for all tests of a module."""
    folder = tmp_path_factory.mktemp("service")
    with redis.Redis.from_url(redis_server_url) as store:
        store.flushall()
    work = {"handlers": "tests.integration.work", "http_allowed_networks": "127.0.0.1/32"}
    own = {"redis_url": redis_server_url, **work}
    with (
        Api(folder / "api.log", http_workers=1, **own) as api,
        a_worker(redis_server_url, folder / "worker.log", **work),
        ServiceProcess("maintenance", folder / "maintenance.log", callback_secret=SECRET, **own),
    ):
        wait_until(lambda: api.request("GET", "/workers").json()["workers"])
        yield api


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    """Return `sync` or `async`: each test runs with both clients."""
    name: str = request.param
    return name


@pytest.fixture
def client(service: Api, form: str) -> Iterator[AnyClient]:
    with FORMS[form](f"http://127.0.0.1:{service.port}") as client:
        yield client


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server that responds as the test says."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def impatient(receiver: Receiver, form: str) -> Iterator[AnyClient]:
    """A client of `receiver`, with delays of milliseconds."""
    quick = Retries(max_attempts=3, first_delay=0.001)
    with FORMS[form](receiver.url, retries=quick, stream_retries=quick) as client:
        yield client


@pytest.fixture
def root() -> Path:
    return Path(__file__).parents[3]


@pytest.fixture
def run(service: Api, tmp_path: Path) -> CommandLine:
    """The command line of the service."""
    return CommandLine(f"http://127.0.0.1:{service.port}", tmp_path)


@pytest.fixture
def queue() -> str:
    """Return the name of a queue that no worker serves: its tasks wait."""
    return f"q{uuid.uuid4().hex}"
