"""The faults, one context manager for each kind: the fault begins on entry and is over on exit.

Each yields its Span. What is expected of the service during the fault stands in the body.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import psutil
import redis

from tests.chaos.journal import Execution, Life
from tests.chaos.proxy import Proxy
from tests.chaos.server import ChaosServer
from tests.chaos.site import NO_TIMEOUT, Site, kill
from tests.integration.processes import ServiceProcess, free_port
from tests.integration.waiting import wait_until


@dataclass
class Span:
    """The times at which a fault began and was over, by time.monotonic()."""

    began: float
    ended: float = float("inf")


@contextlib.contextmanager
def killed_child(run: Execution) -> Iterator[Span]:
    """SIGKILL for the process of a run. Its worker replaces it."""
    yield Span(kill(run))


@contextlib.contextmanager
def lost(process: ServiceProcess) -> Iterator[Span]:
    """SIGKILL for the parent alone. Nobody starts it again."""
    yield Span(process.kill())


@contextlib.contextmanager
def killed(process: ServiceProcess) -> Iterator[Span]:
    """SIGKILL for the parent alone; started again on exit. `ended` is just before that start."""
    span = Span(process.kill())
    yield span
    span.ended = time.monotonic()
    process.start()


@contextlib.contextmanager
def killed_with_children(process: ServiceProcess) -> Iterator[Span]:
    """SIGKILL for all its processes, which are started again on exit."""
    children = process.children()
    with killed(process) as span:  # the parent first, or it replaces what is killed
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        yield span


@contextlib.contextmanager
def stopped(pids: Sequence[int], lives: Iterable[Life] = ()) -> Iterator[Span]:
    """SIGSTOP in this order, SIGCONT on exit in the reverse order. `lives` are told of it."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    span = Span(time.monotonic())
    try:
        yield span
    finally:
        span.ended = time.monotonic()
        for life in lives:
            life.stopped.append((span.began, span.ended))
        for pid in reversed(pids):
            # A parent that goes on kills the children that stand still.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def cut_off(proxy: Proxy) -> Iterator[Span]:
    """All connections through the proxy are closed and new ones are refused."""
    proxy.cut()
    span = Span(time.monotonic())
    yield span
    proxy.restore()
    span.ended = time.monotonic()


@contextlib.contextmanager
def redis_stopped(server: ChaosServer) -> Iterator[Span]:
    """SIGTERM; started again on the same data on exit. `ended` is the first reply after that."""
    server.stop()
    yield from _away(server)


@contextlib.contextmanager
def redis_killed(server: ChaosServer) -> Iterator[Span]:
    """SIGKILL; started again on the same data on exit. `ended` is the first reply after that."""
    server.kill()
    yield from _away(server)


def _away(server: ChaosServer) -> Iterator[Span]:
    span = Span(time.monotonic())
    yield span
    span.ended = server.start()


@contextlib.contextmanager
def full_redis(server: ChaosServer, *, share: float = 1.0, lacking: int = 0) -> Iterator[Span]:
    """Set `maxmemory` so that this share of it is used, less `lacking` bytes. Exit removes it."""
    used = server.used_memory()
    server.client.config_set("maxmemory", int(used / share) - lacking)
    span = Span(time.monotonic())
    yield span
    server.client.config_set("maxmemory", 0)
    span.ended = time.monotonic()


@contextlib.contextmanager
def readonly(server: ChaosServer) -> Iterator[Span]:
    """The server is a replica of one that is not there."""
    server.client.replicaof("127.0.0.1", free_port())
    span = Span(time.monotonic())
    try:
        yield span
    finally:
        server.client.replicaof("NO", "ONE")
        span.ended = time.monotonic()


@contextlib.contextmanager
def misconf(server: ChaosServer) -> Iterator[Span]:
    """The server cannot save: a folder stands where its snapshot belongs."""
    client, blocker = server.client, server.directory / "dump.rdb"
    blocker.unlink(missing_ok=True)
    (blocker / "in the way").mkdir(parents=True)
    client.config_set("save", "3600 1")
    client.bgsave()
    wait_until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err", 10)
    span = Span(time.monotonic())
    try:
        yield span
    finally:
        (blocker / "in the way").rmdir()
        blocker.rmdir()
        wait_until(lambda: _saves(client), 10)
        client.config_set("save", "")
        span.ended = time.monotonic()


def _saves(client: redis.Redis) -> bool:
    with contextlib.suppress(redis.ResponseError):  # one is under way
        client.bgsave()
    return bool(client.info("persistence")["rdb_last_bgsave_status"] == "ok")


@contextlib.contextmanager
def hostile_handlers(
    site: Site,
    do: str,
    number: int,
    *,
    ms: int = 0,
    timeout: int = NO_TIMEOUT,
    seconds: float = 30,
    **labels: str,
) -> Iterator[list[Execution]]:
    """So many tasks run whose handler misuses its process. Exit waits until all are final.

    Raises AssertionError when one is not final within `seconds`.
    """
    runs = site.begin(number, do, ms=ms, timeout=timeout, **labels)
    yield runs
    if not site.settle(seconds, [run.task_id for run in runs]):
        raise AssertionError(f"a task that does {do!r} is not final within {seconds} s")
