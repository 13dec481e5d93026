"""A client that takes no byte of a response for too long is gone; a slow one is served."""

import errno
from collections.abc import Iterator

import gevent
import pytest
from gevent import socket

from entrypoints.api.concurrency.client_socket import ClientSocket

RESPONSE = b"x" * 4_000_000
"""More than the buffers of a socket hold."""


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    server, client = socket.socketpair()
    with server, client:
        yield server, client


def test_a_client_that_takes_no_byte_ends_the_connection(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    with pytest.raises(ConnectionResetError) as error:
        ClientSocket(pair[0], seconds=0.1).sendall(RESPONSE)

    assert error.value.errno == errno.ECONNRESET


class SlowClient:
    """A socket that takes a few bytes after waits that are a little shorter than the limit."""

    def __init__(self, waits: int) -> None:
        self.waits = waits
        self.taken = b""
        self.timeouts: list[float | None] = []

    def recv(self, size: int) -> bytes:
        raise AssertionError("nobody reads")

    def settimeout(self, seconds: float | None) -> None:
        self.timeouts.append(seconds)

    def send(self, data: memoryview) -> int:
        self.waits -= 1
        if self.waits < 0:
            raise TimeoutError("timed out")
        self.taken += data[:7]
        return len(data[:7])


def test_each_byte_that_a_client_takes_gives_it_the_whole_time_again() -> None:
    client = SlowClient(waits=100)

    ClientSocket(client, seconds=9).sendall(b"0123456789" * 70)

    assert client.taken == b"0123456789" * 70
    assert client.timeouts == [9, None]


def test_reading_has_no_limit_after_a_response(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    server, client = ClientSocket(pair[0], seconds=0.1), pair[1]
    reader = gevent.spawn(lambda: client.recv(4, socket.MSG_WAITALL))

    server.sendall(b"done")

    assert reader.get(timeout=60) == b"done"
    assert server.gettimeout() is None
