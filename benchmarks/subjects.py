"""Start the two services, each with a Redis server of its own and the same settings."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # it ships no types
import redis
from tests.integration.tcp_redis import TcpRedis

from benchmarks.load import Address
from entrypoints.local.supervisor import popen

HTTP_WORKERS = 2
START_SECONDS = 30.0
STOP_SECONDS = 30.0
QUIET_SECONDS = 60.0
POLL_SECONDS = 0.05
HOUSEKEEPING = (
    "aof_rewrite_in_progress",
    "aof_rewrite_scheduled",
    "lazyfree_pending_objects",
    "mem_overhead_db_hashtable_rehashing",
)

Redis = Any
"""A client. It is untyped, since redis-py declares every reply as one of several types."""


class NotReady(Exception):
    """A process did not become ready in time, or ended. The message has its output."""


@dataclass(frozen=True)
class Store:
    """A running Redis server."""

    url: str
    process: subprocess.Popen[bytes]

    @cached_property
    def client(self) -> Redis:
        return redis.Redis.from_url(self.url, socket_timeout=60)

    def housekeeping(self) -> int:
        """Return whether the server is rewriting, freeing or rehashing in the background."""
        info = self.client.info()
        return sum(info[name] for name in HOUSEKEEPING)

    def wait_for_quiet(self) -> None:
        """Wait for the server's background work. Raises NotReady after a minute."""
        deadline = time.monotonic() + QUIET_SECONDS
        while self.housekeeping():
            if time.monotonic() > deadline:
                raise NotReady("the Redis server does not come to rest")
            time.sleep(POLL_SECONDS)

    def with_database(self, number: int) -> str:
        """Return the URL of another database of this server."""
        return f"{self.url.rpartition('/')[0]}/{number}"


@dataclass(eq=False)
class Subject:
    """A running HTTP service."""

    name: str
    address: Address
    store: Store
    url: str
    """URL of the database that it uses."""
    process: subprocess.Popen[bytes]
    task_ids: list[str] = field(default_factory=list)
    """Ids of the tasks that it was filled with, oldest first."""

    def server_cpu(self) -> float:
        """Return the CPU seconds of all processes of the HTTP server."""
        return cpu_of_tree(self.process.pid)

    def connection_holders(self) -> dict[int, int]:
        """Return the worker process that accepted the connection with this client port."""
        return {
            connection.raddr.port: worker.pid
            for worker in psutil.Process(self.process.pid).children()
            for connection in worker.net_connections("tcp")
            if connection.raddr
        }

    def store_cpu(self) -> float:
        """Return the CPU seconds of its Redis server."""
        return cpu_of(psutil.Process(self.store.process.pid))


def exit_on_signals() -> None:
    """Exit by SystemExit on SIGTERM and SIGHUP, so that what is running is stopped."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))


Pair = tuple[Subject, Subject]
"""Our service and the plain one."""


def cpu_of(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def cpu_of_tree(pid: int) -> float:
    """Return the CPU seconds of a process and all its living descendants."""
    root = psutil.Process(pid)
    return sum(cpu_of(process) for process in [root, *root.children(recursive=True)])


@contextmanager
def running_store(directory: Path) -> Iterator[Store]:
    """Start an empty Redis server with its append-only file in `directory`."""
    server = TcpRedis(directory)
    process = server.start(partial(popen, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    with stopped_at_the_end(process):
        store = Store(server.url, process)
        wait_until(lambda: replies_to_ping(store.client), process, log=directory / "server.log")
        yield store
        store.client.close()


@contextmanager
def running_ours(
    store: Store, url: str, log: Path, workers: int = HTTP_WORKERS, source: Path | None = None
) -> Iterator[Subject]:
    """Start this service's API as its users do. `source` is the folder `src` of another version."""
    port = free_port()
    environment = {
        **({"PYTHONPATH": str(source.resolve())} if source else {}),
        "TASKS_REDIS_URL": url,
        "TASKS_HTTP_HOST": "127.0.0.1",
        "TASKS_HTTP_PORT": str(port),
        "TASKS_HTTP_WORKERS": str(workers),
    }
    with running([sys.executable, "-m", "entrypoints.cli", "api"], environment, log) as process:
        yield ready_subject("ours", port, store, url, process, log)


@contextmanager
def running_version(directory: Path, source: Path | None = None) -> Iterator[Subject]:
    """Start the API with an empty Redis server in a new directory; see running_ours."""
    directory.mkdir()
    with (
        running_store(directory) as store,
        running_ours(store, store.url, directory / "api.log", source=source) as subject,
    ):
        yield subject


@contextmanager
def running_plain(store: Store, url: str, log: Path) -> Iterator[Subject]:
    """Start the plain service with the same HTTP server."""
    port = free_port()
    options = [
        "--worker-class",
        "gevent",
        "--workers",
        str(HTTP_WORKERS),
        "--bind",
        f"127.0.0.1:{port}",
    ]
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--log-level",
        "warning",
        *options,
        "benchmarks.plain:app",
    ]
    with running(command, {"PLAIN_REDIS_URL": url}, log) as process:
        yield ready_subject("plain", port, store, url, process, log)


def plain_worker_command(level: str) -> list[str]:
    """Return the command of a Celery worker of the plain service that logs from this level on."""
    application = ["--app", "benchmarks.plain:celery_app"]
    return [sys.executable, "-m", "celery", *application, "worker", "--loglevel", level]


@contextmanager
def running_plain_worker(url: str, log: Path) -> Iterator[None]:
    """Start a Celery worker of the plain service."""
    with running(plain_worker_command("WARNING"), {"PLAIN_REDIS_URL": url}, log):
        yield


@contextmanager
def running_both(directory: Path) -> Iterator[Pair]:
    """Start both services, each with an empty Redis server."""
    with (
        running_store(directory / "ours") as ours,
        running_store(directory / "plain") as plain,
        running_on(ours, plain, directory, database=0) as pair,
    ):
        yield pair


@contextmanager
def running_on(ours: Store, plain: Store, directory: Path, *, database: int) -> Iterator[Pair]:
    """Start both services on running Redis servers."""
    with (
        running_ours(
            ours, ours.with_database(database), directory / f"ours-{database}.log"
        ) as our_subject,
        running_plain(
            plain, plain.with_database(database), directory / f"plain-{database}.log"
        ) as plain_subject,
    ):
        yield our_subject, plain_subject


@contextmanager
def running(
    command: Sequence[str], environment: dict[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process that ends with the block. Its output goes to `log`."""
    root = str(Path(__file__).parent.parent)
    with log.open("wb") as output:
        process = popen(
            command, env={**os.environ, **environment}, cwd=root, stdout=output, stderr=output
        )
    with stopped_at_the_end(process):
        yield process


@contextmanager
def stopped_at_the_end(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def ready_subject(
    name: str, port: int, store: Store, url: str, process: subprocess.Popen[bytes], log: Path
) -> Subject:
    wait_until(lambda: is_ready(port), process, log)
    return Subject(name, ("127.0.0.1", port), store, url, process)


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for a condition. Raises NotReady after 30 seconds, or if the process ends first."""
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            written = log.read_text(errors="replace")[-2000:] if log.exists() else "nothing"
            raise NotReady(
                f"a process is not ready (exit code {process.poll()}). Its output: {written}"
            )
        time.sleep(POLL_SECONDS)


def replies_to_ping(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as response:
            return bool(json.load(response)["status"] == "ready")
    except (urllib.error.URLError, OSError):
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
