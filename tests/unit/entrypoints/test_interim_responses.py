"""100 Continue: only where there is a body to send, and never to a client that takes no byte."""

import errno
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import gevent
import pytest
from gevent import socket

from entrypoints.api.concurrency.client_socket import ClientSocket
from tests.unit.entrypoints.served import Worker, received

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
HEADERS = b"Host: localhost\r\nExpect: 100-continue\r\nConnection: close\r\n"


@pytest.fixture
def worker() -> Iterator[Worker]:
    def respond(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        body = environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    with Worker(respond) as worker:
        yield worker


@pytest.mark.parametrize("length", [b"", b"Content-Length: 0\r\n"])
def test_a_request_without_a_body_is_not_asked_to_continue(worker: Worker, length: bytes) -> None:
    with worker.connection() as client:
        client.sendall(b"GET / HTTP/1.1\r\n" + HEADERS + length + b"\r\n")

        assert received(client).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        (b"Content-Length: 4\r\n", b"body"),
        (b"Transfer-Encoding: chunked\r\n", b"4\r\nbody\r\n0\r\n\r\n"),
    ],
    ids=["of known length", "in chunks"],
)
def test_a_body_is_asked_for_and_then_read(worker: Worker, framing: bytes, body: bytes) -> None:
    with worker.connection() as client, gevent.Timeout(60):
        client.sendall(b"POST / HTTP/1.1\r\n" + HEADERS + framing + b"\r\n")
        assert client.recv(len(CONTINUE), socket.MSG_WAITALL) == CONTINUE

        client.sendall(body)

        response = received(client)
    assert response.startswith(b"HTTP/1.1 200 OK\r\n")
    assert response.endswith(b"\r\n\r\nbody")


def test_a_client_that_takes_no_byte_of_an_interim_response_ends_the_connection() -> None:
    server, client = socket.socketpair()
    with server, client, gevent.Timeout(60):
        server.settimeout(0)
        with suppress(BlockingIOError):
            while True:
                server.send(b"x" * 65_536)

        with pytest.raises(ConnectionResetError) as error:
            ClientSocket(server, seconds=0.1).send(CONTINUE)

        assert error.value.errno == errno.ECONNRESET
        assert server.gettimeout() is None
