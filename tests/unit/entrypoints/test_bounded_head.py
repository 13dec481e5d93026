"""Heads of requests: they are limited, counted while they arrive, and let others run."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import gevent
import pytest
from gevent import socket

from entrypoints.api.concurrency import bounded_head
from tests.unit.entrypoints.served import Worker, received

REQUEST_LINE = b"GET / HTTP/1.1\r\n"
END = b"Connection: close\r\n\r\n"
LIMIT = 65_536


@pytest.fixture
def worker() -> Iterator[Worker]:
    def respond(_: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    with Worker(respond) as worker:
        yield worker


def headers(size: int) -> bytes:
    """Return header lines of so many bytes in all, each shorter than 8,190 bytes."""
    line = b"X-%02d: " + b"a" * 4_000 + b"\r\n"
    lines = b"".join(line % number for number in range(size // len(line) - 1))
    return lines + b"X-Last: ".ljust(size - len(lines) - 2, b"a") + b"\r\n"


@pytest.mark.parametrize("is_slow", [False, True], ids=["at once", "in pieces"])
def test_all_headers_together_have_at_most_64_kib(worker: Worker, is_slow: bool) -> None:
    def response_to(size: int) -> bytes:
        head = REQUEST_LINE + headers(size + len(b"\r\n\r\n") - len(END)) + END
        with worker.connection() as client:
            for at in range(0, len(head), 5_000):
                client.sendall(head[at : at + 5_000])
                gevent.sleep(0.001 if is_slow else 0)
            return received(client)

    assert response_to(LIMIT).startswith(b"HTTP/1.1 200 OK\r\n")
    response = response_to(LIMIT + 1)
    assert response.startswith(b"HTTP/1.1 431 ")
    assert b'"code": "headers_too_large"' in response
    assert b"more than 65,536 bytes" in response


def test_a_head_without_an_end_is_refused_before_more_of_it_is_read(worker: Worker) -> None:
    sent = 0
    with worker.connection() as client, suppress(ConnectionError), gevent.Timeout(60):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        client.sendall(REQUEST_LINE)
        while sent < 600_000:
            client.sendall(headers(8_192))
            sent += 8_192

    assert sent < 600_000


def test_what_arrived_of_a_head_is_counted_until_it_is_complete(worker: Worker) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(worker.connection()) for _ in range(10)]
        for client in clients:
            client.sendall(REQUEST_LINE + headers(60_000))
        expected = len(clients) * len(REQUEST_LINE + headers(60_000))
        with gevent.Timeout(60):
            while worker.pending_bytes < expected:
                gevent.sleep(0.001)
        assert worker.pending_bytes == expected

        for client in clients:
            client.sendall(END)
            assert received(client).startswith(b"HTTP/1.1 200 OK\r\n")

    assert worker.pending_bytes == 0


def test_others_run_before_more_of_a_head_is_read(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    yielded: list[None] = []
    monkeypatch.setattr(bounded_head, "let_others_run", lambda: yielded.append(None))

    with worker.connection() as client:
        client.sendall(REQUEST_LINE + END)
        received(client)
    assert not yielded, "a head that arrives at once does not wait"

    with worker.connection() as client:
        client.sendall(REQUEST_LINE + headers(60_000) + END)
        assert received(client).startswith(b"HTTP/1.1 200 OK\r\n")
    assert len(yielded) >= 7, "8 KiB at a time"
