"""A healthy installation, and the ways in which it is broken for `task-manager doctor`.

Each way makes the fault for real, and returns the settings that differ from the healthy ones.
`None` removes a setting.
"""

import re
import resource
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import redis

from adapters.celery.app import create_celery_app
from adapters.celery.wake_ups import WakeUpFactory
from adapters.redis.connection import connect
from adapters.redis.heartbeats import RedisHeartbeats
from adapters.redis.outbox import RedisOutbox
from adapters.redis.queues import RedisQueues
from adapters.redis.store import RedisStore
from adapters.redis.store_layout import RedisStoreLayout
from adapters.redis.task_repository import RedisTaskRepository
from adapters.system.clock import SystemClock
from application.store_layout import PRESENT_LAYOUT
from domain.webhook import DeliveryAttempt
from tests.contracts.heartbeats import a_process
from tests.contracts.outbox import cancelled
from tests.integration.ports import free_port
from tests.integration.receiver import Receiver, Response
from tests.integration.tcp_redis import TcpRedis
from tests.integration.tls_server import running_impostor
from tests.integration.waiting import wait_until
from tests.storing import submit

Changes = dict[str, str | None]
READY = Response(200, {"status": "ready"})
WORKER = a_process("worker", "w", queues=("default",), concurrency=2)
MAINTENANCE = a_process("maintenance", "m")


@dataclass
class Installation:
    """A server with the signs of life of a worker and of maintenance, and a ready API."""

    server: TcpRedis
    client: redis.Redis
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    api: Receiver
    undo: ExitStack

    def __post_init__(self) -> None:
        self.store = RedisStore(connect(self.server.url))
        factory = WakeUpFactory(create_celery_app(self.server.url, ["default"]))
        self.wake_up_of = factory.wake_up_of
        self.repository = RedisTaskRepository(self.store, factory.wake_up_of, 1_000)
        self.heartbeats = RedisHeartbeats(self.store)
        for process in (WORKER, MAINTENANCE):
            self.heartbeats.beat(process)
        self._live_for_an_hour()
        RedisStoreLayout(self.store).raise_to(PRESENT_LAYOUT)

    def _live_for_an_hour(self) -> None:
        """A busy machine may take longer for a test than a heartbeat counts."""
        with self.store.client() as client:
            for key in ("tm:alive:worker", "tm:alive:maintenance"):
                for member in client.zrange(key, 0, -1):
                    client.zincrby(key, 3_600_000, member)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    def configure(self, name: str, value: object) -> None:
        """Set a parameter of the server until the end of the test."""
        before = self.client.config_get(name)[name]
        self.client.config_set(name, value)
        self.undo.callback(self.client.config_set, name, before)

    def user(self, *rules: str) -> Changes:
        """Make a user of Redis with these rules, and use it."""
        self.client.execute_command("ACL", "SETUSER", "tasks", "reset", "on", ">pass", *rules)
        self.undo.callback(self.client.execute_command, "ACL", "DELUSER", "tasks")
        return {"REDIS_URL": f"redis://tasks:pass@{self.address}/0"}


@contextmanager
def tcp_server(folder: Path) -> Iterator[tuple[TcpRedis, subprocess.Popen[bytes]]]:
    """Start a server that outlives a limit on the size of its files: it gets an error instead."""
    server = TcpRedis(folder)
    process = server.start(partial(subprocess.Popen, restore_signals=False))
    try:
        wait_until(server.is_ready)
        yield server, process
    finally:
        process.kill()
        process.wait()
        server.discard()


def no_worker(at: Installation) -> Changes:
    at.heartbeats.end(WORKER)
    return {}


def no_maintenance(at: Installation) -> Changes:
    at.heartbeats.end(MAINTENANCE)
    return {}


def clock_off(at: Installation) -> Changes:
    ahead = timedelta(seconds=90)
    at.monkeypatch.setattr(SystemClock, "now", lambda _: datetime.now(UTC) + ahead)
    return {}


def eviction(at: Installation) -> Changes:
    at.configure("maxmemory-policy", "allkeys-lru")
    return {}


def no_file(at: Installation) -> Changes:
    at.configure("appendonly", "no")
    return {}


def wrong_password(at: Installation) -> Changes:
    at.configure("requirepass", "right")
    return {"REDIS_URL": f"redis://:wrong@{at.address}/0"}


def no_password(at: Installation) -> Changes:
    at.configure("requirepass", "right")
    return {}


def redis_away(at: Installation) -> Changes:
    return {"REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"}


def sentinels_away(_: Installation) -> Changes:
    return {"REDIS_URL": f"sentinel://:secret@127.0.0.1:{free_port()}/main"}


def no_such_database(at: Installation) -> Changes:
    return {"REDIS_URL": f"redis://{at.address}/99"}


def tls_on_one_side(at: Installation) -> Changes:
    at.monkeypatch.setattr("adapters.redis.connection.TIMEOUT_SECONDS", 1.0)
    return {"REDIS_URL": f"rediss://{at.address}/0"}


def tls_on_the_other_side(at: Installation) -> Changes:
    impostor = at.undo.enter_context(running_impostor(at.folder))
    return {"REDIS_URL": f"redis://:secret@127.0.0.1:{impostor.port}/0"}


def untrusted_certificate(at: Installation) -> Changes:
    impostor = at.undo.enter_context(running_impostor(at.folder))
    return {"REDIS_URL": f"rediss://:secret@127.0.0.1:{impostor.port}/0"}


def queue_without_worker(at: Installation) -> Changes:
    submit(at.repository, queue="mail")
    return {}


def queue_paused(at: Installation) -> Changes:
    submit(at.repository)
    RedisQueues(at.store, at.wake_up_of).pause("default")
    return {}


def unknown_type(at: Installation) -> Changes:
    submit(at.repository, type="ghost")
    return {}


def disk_full(at: Installation) -> Changes:
    """Use a server of its own, whose file must not grow: a full disk has the same effect."""
    folder = at.folder / "full"
    folder.mkdir()
    server, process = at.undo.enter_context(tcp_server(folder))
    Installation(server, at.client, folder, at.monkeypatch, at.api, at.undo)
    with redis.Redis.from_url(server.url) as client:
        sizes = [path.stat().st_size for path in (folder / "appendonlydir").iterdir()]
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (max(sizes), max(sizes)))

        def write_fails() -> bool:
            with suppress(redis.ResponseError):
                client.set("filler", "x" * 1_000)
            return client.info("persistence")["aof_last_write_status"] == "err"

        wait_until(write_fails)
    return {"REDIS_URL": server.url}


def memory_at(share: float) -> Callable[[Installation], Changes]:
    def fill(at: Installation) -> Changes:
        at.client.setrange("filler", 30_000_000, "x")
        at.configure("maxmemory", int(at.client.info("memory")["used_memory"] / share))
        return {}

    return fill


def callbacks_fail(at: Installation) -> Changes:
    cancelled(at.repository)
    outbox, now = RedisOutbox(at.store), datetime.now(UTC)
    [delivery] = outbox.lease(limit=1, duration=timedelta(seconds=9))
    failed = DeliveryAttempt(at=now, status=503, error=None, next_at=now + timedelta(hours=1))
    assert outbox.record_attempt(delivery, failed)
    return {}


def old_layout(at: Installation) -> Changes:
    at.client.delete("tm:layout", "tm:layout:readers")
    return {}


def newer_layout(at: Installation) -> Changes:
    at.client.mset({"tm:layout": 99, "tm:layout:readers": 98})
    return {}


def wide_folder(at: Installation) -> Changes:
    (at.folder / "data").chmod(0o755)
    return {}


def old_server(at: Installation) -> Changes:
    return {
        "REDIS_URL": f"redis://127.0.0.1:{at.undo.enter_context(ageing_proxy(at.server.port))}/0"
    }


def scripts_forbidden(at: Installation) -> Changes:
    return at.user("~*", "&*", "+@all", "-@scripting")


def keys_forbidden(at: Installation) -> Changes:
    return at.user("~mine:*", "&*", "+@all")


def info_forbidden(at: Installation) -> Changes:
    return at.user("~*", "&*", "+@all", "-info")


def replica(at: Installation) -> Changes:
    at.client.execute_command("REPLICAOF", "127.0.0.1", str(free_port()))
    at.undo.callback(at.client.execute_command, "REPLICAOF", "NO", "ONE")
    return {}


def another_program(at: Installation) -> Changes:
    at.api.responses[:] = [Response(200, "<html>")]
    return {}


def api_not_ready(at: Installation) -> Changes:
    at.api.responses[:] = [Response(503, {"status": 503, "detail": "The task store is away."})]
    return {}


def settings(**changes: str | None) -> Callable[[Installation], Changes]:
    return lambda _: changes


@contextmanager
def ageing_proxy(port: int) -> Iterator[int]:
    """Pass everything on, but let the server say that it is compatible with Redis 6."""
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while part := source.recv(1_000_000):
                sink.sendall(re.sub(rb"redis_version:\d", b"redis_version:6", part))

    def accept() -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", port))
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=pump, args=ends, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()
