"""Raw connections to the API, and an API with few descriptors."""

import contextlib
import selectors
import socket
from collections.abc import Iterator
from pathlib import Path

from tests.integration.processes import Api
from tests.integration.waiting import PATIENCE

UNFINISHED = (
    b"POST /tasks HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
    b"application/json\r\nContent-Length: 100\r\n\r\n{"
)


class ApiWithFewDescriptors(Api):
    """The API under `ulimit -n`."""

    def __init__(self, log: Path, descriptors: int, **settings: object) -> None:
        super().__init__(log, **settings)
        limited = f'ulimit -n {descriptors} && exec "$0" "$@"'
        self._arguments = ["sh", "-c", limited, *self._arguments]


def connect(
    port: int, sent: bytes = b"", *, seconds: float = PATIENCE, buffer: int | None = None
) -> socket.socket:
    """Connect and send. `buffer` is the size of the receive buffer in bytes."""
    connection = socket.socket()
    if buffer is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.settimeout(seconds)
    connection.connect(("127.0.0.1", port))
    with contextlib.suppress(ConnectionError):
        connection.sendall(sent)
    return connection


@contextlib.contextmanager
def unfinished_requests(port: int, number: int) -> Iterator[list[socket.socket]]:
    """Open so many connections; each sends a head and one byte of its body."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(connect(port, UNFINISHED)) for _ in range(number)]


def ended(connections: list[socket.socket]) -> int:
    """Return how many connections the server has ended."""
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection, selectors.EVENT_READ)
        return len(selector.select(0))


def response_of(connection: socket.socket) -> bytes:
    """Return all bytes until the server closes the connection."""
    return b"".join(iter(lambda: connection.recv(65_536), b""))


def head_of(connection: socket.socket) -> bytes:
    """Return the bytes of a response up to the end of its head at least."""
    received = b""
    while b"\r\n\r\n" not in received and (more := connection.recv(65_536)):
        received += more
    return received


def open_stream(port: int) -> tuple[int, socket.socket]:
    """Return the status of a new stream of all events, and its connection."""
    connection = connect(port, b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return int(head_of(connection).split(b" ", 2)[1]), connection
