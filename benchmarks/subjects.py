"""Start the HTTP services that are compared, each with a Redis server of its own."""

import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import psutil  # type: ignore[import-untyped]  # it ships no types

from benchmarks.load import Address
from benchmarks.processes import (
    Cpu,
    Process,
    Store,
    cpu_of,
    free_port,
    running,
    running_store,
    wait_until,
)

HTTP_WORKERS = 2
KEEP_ALIVE_SECONDS = 60
"""The default of gunicorn, 2 s, could end while connections are spread over its workers."""
FLOWER_APP = "benchmarks.peers.celery_app"


@dataclass(eq=False)
class Subject:
    """A running HTTP service."""

    name: str
    address: Address
    store: Store
    process: Process
    workers: int = HTTP_WORKERS
    """Processes that accept connections."""
    task_ids: list[str] = field(default_factory=list)
    """Ids of the tasks that it was filled with, oldest first."""

    def cpu(self) -> Cpu:
        """Return the CPU of all processes of the HTTP server."""
        return cpu_of([self.process])

    def connection_holders(self) -> dict[int, int]:
        """Return the worker process that accepted the connection with this client port."""
        return {
            connection.raddr.port: worker.pid
            for worker in psutil.Process(self.process.pid).children()
            for connection in worker.net_connections("tcp")
            if connection.raddr
        }


@contextmanager
def running_ours(
    store: Store,
    log: Path,
    workers: int = HTTP_WORKERS,
    source: Path | None = None,
    settings: Mapping[str, str] = MappingProxyType({}),
    python: str = sys.executable,
) -> Iterator[Subject]:
    """Start this service's API as its users do. `source` is the folder `src` of another version."""
    port = free_port()
    environment = {
        **({"PYTHONPATH": str(source.resolve())} if source else {}),
        "TASKS_REDIS_URL": store.url,
        "TASKS_HTTP_HOST": "127.0.0.1",
        "TASKS_HTTP_PORT": str(port),
        "TASKS_HTTP_WORKERS": str(workers),
        **settings,
    }
    with running([python, "-m", "entrypoints.cli", "api"], environment, log) as process:
        wait_until(lambda: responds(port, "/readyz"), process, log)
        yield Subject("ours", ("127.0.0.1", port), store, process, workers)


@contextmanager
def running_version(directory: Path, source: Path | None = None) -> Iterator[Subject]:
    """Start the API with an empty Redis server in a new directory; see running_ours."""
    directory.mkdir()
    with (
        running_store(directory) as store,
        running_ours(store, directory / "api.log", source=source) as subject,
    ):
        yield subject


@contextmanager
def running_plain(store: Store, log: Path) -> Iterator[Subject]:
    """Start the plain service with the same HTTP server."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "gunicorn", "--log-level", "warning"),
        *("--worker-class", "gevent", "--workers", str(HTTP_WORKERS)),
        *("--keep-alive", str(KEEP_ALIVE_SECONDS), "--bind", f"127.0.0.1:{port}"),
        "benchmarks.peers.plain:app",
    ]
    with running(command, {"PEER_REDIS_URL": store.url}, log) as process:
        wait_until(lambda: responds(port, "/readyz"), process, log)
        yield Subject("plain", ("127.0.0.1", port), store, process)


@contextmanager
def running_flower(store: Store, log: Path, python: str) -> Iterator[Subject]:
    """Start Flower with its HTTP API, which is one process."""
    port = free_port()
    command = [
        *(python, "-m", "celery", "--app", FLOWER_APP, "flower"),
        *("--address=127.0.0.1", f"--port={port}", "--logging=error"),
    ]
    environment = {"PEER_REDIS_URL": store.url, "FLOWER_UNAUTHENTICATED_API": "true"}
    with running(command, environment, log) as process:
        wait_until(lambda: responds(port, "/api/tasks?limit=1"), process, log)
        yield Subject("Flower", ("127.0.0.1", port), store, process, workers=1)


@contextmanager
def running_services(directory: Path, flower_python: str | None) -> Iterator[list[Subject]]:
    """Start ours, the plain service and, if there is a Python that has it, Flower."""
    with ExitStack() as stack:

        def store(name: str) -> Store:
            return stack.enter_context(running_store(directory / name))

        subjects = [
            stack.enter_context(running_ours(store("ours"), directory / "ours.log")),
            stack.enter_context(running_plain(store("plain"), directory / "plain.log")),
        ]
        if flower_python:
            log = directory / "flower.log"
            subjects.append(
                stack.enter_context(running_flower(store("flower"), log, flower_python))
            )
        yield subjects


def responds(port: int, path: str) -> bool:
    """Return whether the server responds with 200."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
