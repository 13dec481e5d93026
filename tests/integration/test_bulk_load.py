"""Load of many batches: no false outage of the store, and nothing of a refused batch is stored."""

import json
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from threading import Barrier, Event, Lock

import pytest
import redis
import requests

from adapters.redis.connection import connect
from adapters.redis.store import RedisStore
from adapters.redis.store_probe import RedisStoreProbe
from application.errors import StoreUnavailable
from entrypoints.local.embedded_redis import EmbeddedRedis
from tests.chaos.proxy import Proxy
from tests.integration.processes import Api
from tests.integration.tcp_redis import TcpRedis
from tests.integration.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.slow

BATCH = 1_000
SMALL_BATCH = 300
LINE = 24


class LineProxy(Proxy):
    """A proxy that delays each reply by 100 ms while `is_long`, as a long line of calls does."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.is_long = False
        self._line = Lock()

    def _pass_on(self, target: socket.socket, data: bytes, *, is_reply: bool) -> None:
        if is_reply and self.is_long:
            with self._line:
                time.sleep(0.1)
        super()._pass_on(target, data, is_reply=is_reply)


@pytest.fixture
def one_process(redis_url: str, tmp_path: Path) -> Iterator[Api]:
    with Api(tmp_path / "api.log", redis_url=redis_url, http_workers=1) as api:
        yield api


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TcpRedis]:
    """A server with a TCP port, so that a proxy can stand before it."""
    server = TcpRedis(tmp_path)
    process = server.start(subprocess.Popen)
    try:
        wait_until(lambda: _is_up(server.url))
        yield server
    finally:
        process.kill()
        process.wait()


class TestBusyStore:
    def test_a_long_line_of_calls_does_not_count_as_silence(
        self, server: TcpRedis, caplog: pytest.LogCaptureFixture
    ) -> None:
        with LineProxy(server.port) as proxy, ThreadPoolExecutor(LINE) as threads:
            store = RedisStore(
                connect(f"redis://127.0.0.1:{proxy.port}/0", patient=True), fail_fast=True
            )
            _open_connections(store, LINE)
            proxy.is_long = True

            for call in [threads.submit(RedisStoreProbe(store).check) for _ in range(LINE)]:
                call.result()

        assert "busy" in caplog.text  # Redis or, on a busy machine, this process
        assert "away" not in caplog.text

    def test_batches_side_by_side_are_all_stored(self, one_process: Api) -> None:
        with ThreadPoolExecutor(8) as clients:
            responses = list(
                clients.map(lambda number: _send_batch(one_process, f"b{number}"), range(8))
            )

        assert Counter(response.status_code for response in responses) == {202: 8}
        assert _stored(one_process) == 8 * BATCH
        assert "store_away" not in one_process.output

    def test_a_blocked_process_does_not_report_an_outage_of_the_store(
        self, redis_url: str, tmp_path: Path
    ) -> None:
        api = Api(tmp_path / "api.log", redis_url=redis_url, http_workers=1)
        api._arguments = [sys.executable, "-m", "tests.integration.lagging_api"]
        over = Event()

        def read() -> Counter[int]:
            seen: Counter[int] = Counter()
            while not over.is_set():
                seen[api.request("GET", "/tasks").status_code] += 1
            return seen

        def has_told() -> bool:
            assert api.request("GET", "/lag").status_code == 200
            return "This process was too busy to read a reply" in api.output

        with api, ThreadPoolExecutor(8) as clients:
            readers = [clients.submit(read) for _ in range(8)]
            try:
                wait_until(
                    has_told
                )  # as soon as one of them waits for Redis when the process is held up
            finally:
                over.set()
            seen = sum((reader.result() for reader in readers), Counter[int]())

            assert set(seen) == {200}
            assert "store_away" not in api.output


class TestSilentServer:
    def test_a_stopped_server_is_away_and_back_and_the_log_says_why(self, tmp_path: Path) -> None:
        server = EmbeddedRedis(tmp_path)
        process = server.start(subprocess.Popen)
        try:
            wait_until(lambda: _is_up(server.url))
            with Api(tmp_path / "api.log", redis_url=server.url, http_workers=1) as api:
                wait_until(lambda: api.request("GET", "/tasks").status_code == 200)
                process.send_signal(SIGSTOP)
                refused = api.request("GET", "/tasks")
                process.send_signal(SIGCONT)
                wait_until(lambda: api.request("GET", "/tasks").status_code == 200)
                process.kill()
                process.wait()
                assert api.request("GET", "/tasks").status_code == 503
                wait_until(lambda: "connection refused" in api.output)

                assert (refused.status_code, refused.json()["code"]) == (503, "store_unavailable")
                assert api.output.index("server silent") < api.output.index("The store is back")
                assert api.output.index("The store is back") < api.output.index(
                    "connection refused"
                )
                assert "Busy" not in api.output
        finally:
            process.send_signal(SIGCONT)
            process.kill()
            process.wait()

    def test_dead_connections_are_replaced(self, server: TcpRedis) -> None:
        with Proxy(server.port) as proxy:
            store = RedisStore(
                connect(f"redis://127.0.0.1:{proxy.port}/0", patient=True), fail_fast=True
            )
            _open_connections(store, 3)
            proxy.swallow()

            with pytest.raises(StoreUnavailable) as refusal:
                RedisStoreProbe(store).check()

            assert "no byte came for 1 s" in refusal.value.reason
            wait_until(lambda: store.unavailable_reason is None)
            for _ in range(3):
                RedisStoreProbe(store).check()

    def test_one_dead_connection_beside_living_ones_fails_alone(self, server: TcpRedis) -> None:
        with Proxy(server.port) as proxy, ThreadPoolExecutor(1) as threads:
            store = RedisStore(
                connect(f"redis://127.0.0.1:{proxy.port}/0", patient=True), fail_fast=True
            )
            probe = RedisStoreProbe(store)
            probe.check()
            proxy.swallow()
            on_the_dead_one = threads.submit(probe.check)
            wait_until(lambda: not store._client.connection_pool._available_connections)
            while not on_the_dead_one.done():
                probe.check()

            with pytest.raises(StoreUnavailable) as refusal:
                on_the_dead_one.result()
            assert "later calls on other connections" in refusal.value.reason
            assert store.unavailable_reason is None


class TestOverload:
    def test_a_refused_batch_stores_nothing_and_can_be_sent_again(self, one_process: Api) -> None:
        names = [f"b{number}" for number in range(40)]
        clients = [_all_but_the_last_byte_of_a_batch(one_process, name) for name in names]
        for client in clients:
            client.send(b"}")
        responses = {
            name: client.getresponse() for name, client in zip(names, clients, strict=True)
        }

        refused = {name: response for name, response in responses.items() if response.status != 202}
        assert refused
        for name, response in refused.items():
            assert (response.status, json.load(response)["code"]) == (503, "overloaded")
            assert int(response.headers["Retry-After"]) >= 1
            assert _stored(one_process, name) == 0
        for client in clients:
            client.close()
        assert _stored(one_process) == (len(names) - len(refused)) * SMALL_BATCH
        again = _send_batch(one_process, next(iter(refused)), SMALL_BATCH)
        assert (again.status_code, again.headers.get("Idempotent-Replayed")) == (202, None)


def _send_batch(api: Api, name: str, number: int = BATCH) -> requests.Response:
    return api.request(
        "POST", "/tasks/batch", json=_batch(name, number), headers={"Idempotency-Key": name}
    )


def _batch(name: str, number: int) -> dict[str, object]:
    task = {"task_name": "one of many", "duration": 1, "labels": {"batch": name}}
    return {"tasks": [task] * number}


def _all_but_the_last_byte_of_a_batch(api: Api, name: str) -> HTTPConnection:
    """Begin to send a batch, so that many can arrive at once even on a busy machine."""
    body = json.dumps(_batch(name, SMALL_BATCH)).encode()
    client = HTTPConnection("127.0.0.1", api.port, timeout=PATIENCE)
    client.putrequest("POST", "/tasks/batch")
    client.putheader("Content-Type", "application/json")
    client.putheader("Content-Length", str(len(body)))
    client.putheader("Idempotency-Key", name)
    client.endheaders(body[:-1])
    return client


def _stored(api: Api, name: str | None = None) -> int:
    query = f"&label.batch={name}" if name else ""
    total: int = api.request("GET", f"/tasks?page_size=1{query}").json()["pagination"][
        "total_tasks"
    ]
    return total


def _open_connections(store: RedisStore, number: int) -> None:
    """Open so many connections and return them to the pool."""
    together = Barrier(number)

    def use() -> None:
        with store.client() as client:
            connection = client.connection_pool.get_connection()
            together.wait(PATIENCE)
            client.connection_pool.release(connection)

    with ThreadPoolExecutor(number) as threads:
        for each in [threads.submit(use) for _ in range(number)]:
            each.result()


def _is_up(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
