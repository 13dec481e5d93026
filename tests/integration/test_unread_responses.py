"""Responses that nobody reads do not stay in memory."""

import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from tests.integration.connections import connect
from tests.integration.processes import Api
from tests.integration.waiting import wait_until

pytestmark = pytest.mark.slow

CLIENTS = 10
LABELS = {f"k{number}": "\U0001f600" * 255 for number in range(16)}
PAGE = b"GET /tasks?page_size=100 HTTP/1.1\r\nHost: localhost\r\n\r\n"
"""A request for a page of 1.6 MB."""
REQUESTS = 5
"""So many pages do not fit into the buffers of a connection."""


class ImpatientApi(Api):
    def __init__(self, log: Path, **settings: object) -> None:
        super().__init__(log, **settings)
        self._arguments = [sys.executable, "-m", "tests.integration.impatient_api"]


@pytest.fixture
def api(redis_url: str, tmp_path: Path) -> Iterator[ImpatientApi]:
    with ImpatientApi(tmp_path / "api.log", redis_url=redis_url, http_workers=1) as api:
        yield api


def test_a_client_that_takes_no_byte_of_its_response_is_disconnected(api: ImpatientApi) -> None:
    tasks = [{"task_name": "x", "duration": 1, "labels": LABELS}] * 100
    assert api.request("POST", "/tasks/batch", json={"tasks": tasks}).status_code == 202
    page = len(api.request("GET", "/tasks?page_size=100").content)

    with ExitStack() as stack:
        clients = [
            stack.enter_context(connect(api.port, PAGE * REQUESTS, buffer=4_096))
            for _ in range(CLIENTS)
        ]
        wait_until(lambda: not _open_connections(api.port))

        for client in clients:
            assert _received(client) < REQUESTS * page

    assert api.request("GET", "/livez").status_code == 200
    assert "rror" not in api.output


def _open_connections(port: int) -> list[object]:
    """Return the server's ends of open connections, also those that it has not accepted yet."""
    return [
        each
        for each in psutil.net_connections("tcp")
        if each.laddr.port == port and each.status == psutil.CONN_ESTABLISHED
    ]


def _received(client: socket.socket) -> int:
    received = 0
    with suppress(ConnectionError):
        while data := client.recv(2**20):
            received += len(data)
    return received
