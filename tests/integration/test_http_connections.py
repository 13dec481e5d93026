"""Clients that hold connections, against running servers."""

import contextlib
import resource
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.integration.connections import (
    UNFINISHED,
    ApiWithFewDescriptors,
    connect,
    ended,
    head_of,
    open_stream,
    response_of,
    unfinished_requests,
)
from tests.integration.following import Follower
from tests.integration.processes import Api, ServiceProcess
from tests.integration.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.slow

API_SETTINGS = {"http_workers": 2, "http_body_seconds": 1, "http_pending_per_client": 100}
CONNECTIONS = 3_000
GET_LIVEZ = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKED = UNFINISHED.replace(
    b"Content-Length: 100\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n9\r\n{"
)


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def patient_api(redis_url: str, tmp_path: Path) -> Iterator[Api]:
    """Two processes that wait long for bodies, with few pending connections per client."""
    settings = {**API_SETTINGS, "http_body_seconds": 3_600}
    with Api(tmp_path / "api.log", redis_url=redis_url, **settings) as api:
        yield api


@pytest.fixture
def small_api(redis_url: str, tmp_path: Path) -> Iterator[Api]:
    """One process with 256 descriptors, as macOS has by default."""
    with ApiWithFewDescriptors(
        tmp_path / "api.log", 256, redis_url=redis_url, http_workers=1
    ) as api:
        yield api


class UnhurriedApi(Api):
    def __init__(self, log: Path, **settings: object) -> None:
        super().__init__(log, **settings)
        self._arguments = [sys.executable, "-m", "tests.integration.unhurried_api"]


def test_idle_connections_do_not_delay_a_stop(redis_url: str, tmp_path: Path) -> None:
    settings = {"http_workers": 1, "shutdown_grace_seconds": 3_600}
    with (
        UnhurriedApi(tmp_path / "api.log", redis_url=redis_url, **settings) as api,
        connect(api.port) as new,
        connect(api.port, GET_LIVEZ) as used,
    ):
        assert used.recv(12) == b"HTTP/1.1 200"
        api.process.terminate()

        assert response_of(new) == b""
        response_of(used)  # to its end
        assert api.exit_code() == 0


class TestPendingConnections:
    def test_thousands_of_unfinished_bodies_do_not_block_other_clients(
        self, patient_api: Api, many_files: None
    ) -> None:
        follower = Follower(patient_api, "/events")
        wait_until(lambda: len(patient_api.children()) == API_SETTINGS["http_workers"])
        before = {child.pid for child in patient_api.children()}
        bound = 2 * API_SETTINGS["http_pending_per_client"]

        with unfinished_requests(patient_api.port, CONNECTIONS) as connections:
            wait_until(lambda: ended(connections) >= CONNECTIONS - bound)

            assert patient_api.request("GET", "/livez").status_code == 200
            patient_api.submit()
            follower.wait_for("task.submitted")
            assert ended(connections) < CONNECTIONS

        assert {child.pid for child in patient_api.children()} == before

    def test_the_bytes_of_unfinished_bodies_are_limited_too(
        self, redis_url: str, tmp_path: Path
    ) -> None:
        size, number = 8 * 2**20, 12
        head = UNFINISHED.replace(b"/tasks", b"/tasks/batch").removesuffix(b"{")
        unfinished = head.replace(b" 100\r", b" %d\r" % size) + b" " * (size - 1)
        with (
            Api(tmp_path / "api.log", redis_url=redis_url, http_workers=1) as api,
            contextlib.ExitStack() as stack,
        ):
            connections = [
                stack.enter_context(connect(api.port, unfinished)) for _ in range(number)
            ]

            wait_until(lambda: ended(connections) >= number - 8)

            task = {"task_name": "x", "duration": 1}
            assert api.request("POST", "/tasks/batch", json={"tasks": [task]}).status_code == 202
            assert ended(connections[-4:]) == 0

    def test_clients_that_read_no_response_are_limited_too(
        self, redis_url: str, tmp_path: Path
    ) -> None:
        settings = {"redis_url": redis_url, "http_workers": 1, "http_pending_per_client": 10}
        asked = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 40
        with Api(tmp_path / "api.log", **settings) as api, contextlib.ExitStack() as stack:
            connections = [
                stack.enter_context(connect(api.port, asked, buffer=4_096)) for _ in range(15)
            ]

            wait_until(lambda: _broken(connections) >= 5)

            assert api.request("GET", "/livez").status_code == 200


class TestDeadlines:
    @pytest.mark.parametrize("request_bytes", [UNFINISHED, CHUNKED], ids=["length", "chunked"])
    def test_a_missing_body_is_a_408_and_closes_the_connection(
        self, api: Api, request_bytes: bytes
    ) -> None:
        with connect(api.port, request_bytes) as connection:
            head, _, body = response_of(connection).partition(b"\r\n\r\n")

        assert head.startswith(b"HTTP/1.1 408 ")
        assert b"Content-Type: application/problem+json" in head
        assert b"Connection: close" in head
        assert b'"code": "request_timeout"' in body

    def test_a_large_body_may_take_longer_than_a_small_one(self, api: Api) -> None:
        """The body takes 1.5 s. Its first 192 KiB extend the deadline of 1 s by 3 s."""
        first, last = b" " * 240_000, b'{"task_name": "large", "duration": 1}'
        length = b"Content-Length: %d\r\n\r\n" % len(first + last)
        head = UNFINISHED.replace(b"Content-Length: 100\r\n\r\n{", length)
        with connect(api.port, head + first) as connection:
            connection.settimeout(1.5)  # a response within it would be the refusal
            with pytest.raises(TimeoutError):
                connection.recv(1)
            connection.settimeout(PATIENCE)
            connection.sendall(last)

            assert head_of(connection).startswith(b"HTTP/1.1 202 ")

    def test_an_unfinished_head_closes_the_connection(self, api: Api) -> None:
        with connect(api.port, b"GET /livez HTTP/1.1\r\nHost: loc") as connection:
            assert response_of(connection) == b""


class TestFewDescriptors:
    def test_streams_are_refused_before_submits(self, small_api: Api) -> None:
        with contextlib.ExitStack() as stack:
            streams = [stack.enter_context(each) for each in _all_streams(small_api)]
            refused = small_api.request("GET", "/events")
            with ThreadPoolExecutor(30) as threads:
                submitted = list(threads.map(lambda _: small_api.submit(), range(60)))

            assert len(streams) >= 64
            assert (refused.status_code, refused.json()["code"]) == (503, "too_many_streams")
            assert int(refused.headers["Retry-After"]) >= 1
            assert small_api.request("GET", f"/tasks/{submitted[-1]}").status_code == 200
            assert small_api.request("GET", f"/tasks/{submitted[-1]}?wait=1").status_code == 200
            assert small_api.request("GET", "/livez").status_code == 200

        wait_until(lambda: _opens(small_api))
        assert "Too many open files" not in small_api.output

    def test_waits_are_refused_before_submits(self, small_api: Api) -> None:
        task_id = small_api.submit()
        wait = f"GET /tasks/{task_id}?wait=60 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        with contextlib.ExitStack() as stack:
            connections = [stack.enter_context(connect(small_api.port, wait)) for _ in range(40)]
            wait_until(lambda: ended(connections) > 0)
            refused = small_api.request("GET", f"/tasks/{task_id}?wait=60")

            assert (refused.status_code, refused.json()["code"]) == (503, "too_many_streams")
            assert small_api.request("GET", f"/tasks/{task_id}").status_code == 200
            small_api.submit()

    def test_unfinished_requests_beside_all_streams_do_not_exhaust_descriptors(
        self, small_api: Api
    ) -> None:
        [before] = [child.pid for child in small_api.children()]
        with contextlib.ExitStack() as stack:
            for each in _all_streams(small_api):
                stack.enter_context(each)
            stack.enter_context(unfinished_requests(small_api.port, 500))

            assert small_api.request("GET", "/livez").status_code == 200
            small_api.submit()

        assert [child.pid for child in small_api.children()] == [before]
        assert "Too many open files" not in small_api.output

    @pytest.mark.skipif(
        not hasattr(psutil.Process, "rlimit"), reason="only Linux sets limits of other processes"
    )
    def test_a_process_without_a_descriptor_waits_until_it_has_one(self, small_api: Api) -> None:
        [worker] = small_api.children()
        worker.rlimit(psutil.RLIMIT_NOFILE, (5, 256))
        with connect(
            small_api.port, b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
        ) as connection:
            wait_until(lambda: "Too many open files" in small_api.output)
            worker.rlimit(psutil.RLIMIT_NOFILE, (256, 256))

            assert head_of(connection).startswith(b"HTTP/1.1 200 ")
        assert small_api.output.count("Too many open files") < 20, "it tries again and again"
        assert [worker] == small_api.children(), small_api.output

    def test_too_few_descriptors_stop_the_start(self, redis_url: str, tmp_path: Path) -> None:
        api = ApiWithFewDescriptors(tmp_path / "api.log", 100, redis_url=redis_url)
        ServiceProcess.start(api)  # Api would wait until it serves
        try:
            assert api.exit_code() != 0
        finally:
            api.__exit__()

        assert (
            "The limit on open files (ulimit -n) is 100; the API needs at least 128" in api.output
        )


def _all_streams(api: Api) -> list[socket.socket]:
    """Open streams until one is refused."""
    streams: list[socket.socket] = []
    while (opened := open_stream(api.port))[0] == 200:
        streams.append(opened[1])
    opened[1].close()
    return streams


def _opens(api: Api) -> bool:
    status, connection = open_stream(api.port)
    connection.close()
    return status == 200


def _broken(connections: list[socket.socket]) -> int:
    """Return how many connections can no longer be written to."""
    broken = 0
    for connection in connections:
        try:
            connection.sendall(b"GET")
        except OSError:
            broken += 1
    return broken
