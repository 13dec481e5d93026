"""A client that takes no byte of a response for too long is gone; a slow one is served."""

import errno
from collections.abc import Iterator

import gevent
import pytest
from gevent import socket

from entrypoints.api.concurrency.client_socket import ClientSocket
from entrypoints.api.concurrency.connections import Connection, PendingConnections

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


class Client:
    """A socket that records what each call sends."""

    recv = None

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def settimeout(self, _: float | None) -> None:
        pass

    def send(self, data: memoryview) -> int:
        self.sent.append(bytes(data))
        return len(data)


def test_a_head_is_sent_with_the_body_that_follows() -> None:
    client = Client()
    connection = ClientSocket(client)
    for number in range(2):
        connection.expect_head()
        connection.sendall(b"head %d, " % number)
        connection.sendall(b"body")
        connection.sendall(b"more")
        connection.send_head()

    assert client.sent == [b"head 0, body", b"more", b"head 1, body", b"more"]


def test_a_head_without_a_body_is_sent_at_the_end_of_the_response() -> None:
    client = Client()
    connection = ClientSocket(client)
    connection.expect_head()
    connection.sendall(b"head")
    assert client.sent == []

    connection.send_head()
    connection.send_head()

    assert client.sent == [b"head"]


def test_what_is_sent_after_a_response_without_a_head_is_not_kept() -> None:
    client = Client()
    connection = ClientSocket(client)
    connection.expect_head()
    connection.send_head()

    connection.sendall(b"gunicorn's own error")

    assert client.sent == [b"gunicorn's own error"]


def test_a_long_body_is_sent_after_its_head() -> None:
    client = Client()
    connection = ClientSocket(client)
    connection.expect_head()
    connection.sendall(b"head")
    connection.sendall(RESPONSE)

    assert client.sent == [b"head", RESPONSE]


def test_a_client_has_left_when_its_end_is_closed_and_nothing_is_unread(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    server, client = ClientSocket(pair[0]), pair[1]
    assert not server.has_left()

    client.sendall(b"next")
    client.close()

    assert not server.has_left()
    assert server.recv(4) == b"next"
    assert server.has_left()
    assert server.gettimeout() is None
    pair[0].close()
    assert server.has_left()


def test_a_connection_that_was_shut_while_it_waits_has_ended_without_an_error(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    pending = PendingConnections(max_total=1, max_per_host=1)
    connection = Connection(pair[0], ("a", 1))
    server = ClientSocket(pair[0], connection=connection, pending=pending)
    pending.add(connection)
    reader = gevent.spawn(server.recv, 10)
    gevent.sleep(0)

    pending.add(Connection(pair[1], ("a", 2)))

    assert reader.get(timeout=60) == b""


def test_a_long_response_is_counted_and_ends_when_its_connection_is_shut(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    pending = PendingConnections(max_total=9, max_per_host=9, max_bytes=len(RESPONSE))
    connection, other = Connection(pair[0], ("a", 1)), Connection(pair[1], ("a", 2))
    for each in (connection, other):
        pending.add(each)
    server = ClientSocket(pair[0], connection=connection, pending=pending)
    sender = gevent.spawn(server.sendall, RESPONSE)
    gevent.sleep(0)

    with (
        pending.response(other, len(RESPONSE) + 1),
        pytest.raises(ConnectionResetError, match="keep memory bounded"),
    ):
        sender.get(timeout=60)
