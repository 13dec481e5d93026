"""Start and stop processes, wait for them, and read what they cost."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # it ships no types
import redis
from tests.integration.tcp_redis import TcpRedis

from entrypoints.local.supervisor import popen

ROOT = Path(__file__).parent.parent
START_SECONDS = 60.0
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
Process = subprocess.Popen[bytes]


class NotReady(Exception):
    """A process did not become ready in time, or ended. The message has its output."""


@dataclass(frozen=True)
class Cpu:
    """CPU seconds in user mode and in the kernel."""

    user: float = 0.0
    system: float = 0.0

    def __add__(self, other: "Cpu") -> "Cpu":
        return Cpu(self.user + other.user, self.system + other.system)

    def __sub__(self, other: "Cpu") -> "Cpu":
        return Cpu(self.user - other.user, self.system - other.system)

    @property
    def total(self) -> float:
        return self.user + self.system


@dataclass(frozen=True)
class Store:
    """A running Redis server."""

    url: str
    process: Process

    @cached_property
    def client(self) -> Redis:
        return redis.Redis.from_url(self.url, socket_timeout=60)

    def cpu(self) -> Cpu:
        return cpu_of([self.process])

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

    def empty(self) -> None:
        self.client.execute_command("FLUSHALL", "SYNC")


def cpu_of(roots: Sequence[Process]) -> Cpu:
    """Return the CPU of these processes and all their descendants, also of those that ended."""
    total = Cpu()
    for process in family(roots):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += Cpu(times.user + times.children_user, times.system + times.children_system)
    return total


def family(roots: Sequence[Process]) -> list[psutil.Process]:
    """Return these processes and all their living descendants."""
    found = []
    for root in roots:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(root.pid)
            found += [process, *process.children(recursive=True)]
    return found


def kill(roots: Sequence[Process]) -> None:
    """Kill these processes and all their descendants, for whose orderly end nobody waits."""
    for process in family(roots):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def exit_on_signals() -> None:
    """Exit by SystemExit on SIGTERM and SIGHUP, so that what is running is stopped."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))


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
def running(
    command: Sequence[str], environment: dict[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process that ends with the block. Its output goes to `log`."""
    with log.open("wb") as output:
        process = popen(
            command,
            env={**os.environ, **environment},
            cwd=str(ROOT),
            stdout=output,
            stderr=output,
        )
    with stopped_at_the_end(process):
        yield process


@contextmanager
def stopped_at_the_end(process: Process) -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(condition: Callable[[], bool], process: Process, log: Path) -> None:
    """Wait for a condition. Raises NotReady after a minute, or if the process ends first."""
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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
