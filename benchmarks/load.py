"""Generate load: a closed loop over keep-alive connections.

Each connection sends its next request when the previous response is complete.

One process and no threads: it costs a small part of what the servers cost, the same for both of
them.
"""

import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

SILENCE_SECONDS = 60.0
"""The longest time in which a server must respond."""
RECEIVE_BYTES = 262_144
SHOWN_BYTES = 500

Address = tuple[str, int]


class LoadFailed(Exception):
    """The load got an error, so its figures mean nothing."""


@dataclass(frozen=True)
class Load:
    """The latencies of one run of the loop."""

    seconds: float
    """Seconds from the first request to the last response."""
    latencies: list[float]
    """Seconds of each response, the shortest first."""
    last_bodies: list[bytes] = field(default_factory=list)
    """The body of the last response of each connection."""

    @property
    def rate(self) -> float:
        """Return the responses per second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: int) -> float:
        """Return a percentile of the latencies in milliseconds."""
        return 1000 * self.latencies[(len(self.latencies) - 1) * percent // 100]


@dataclass(eq=False)
class Connection:
    """A keep-alive connection with at most one request in progress."""

    socket: socket.socket
    sent_at: float = 0.0
    received: bytearray = field(default_factory=bytearray)
    length: int | None = None
    """Bytes of the whole response; None until its head has arrived."""

    def send(self, request: bytes) -> None:
        self.received.clear()
        self.length = None
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Read what has arrived. Returns whether the response is complete.

        Raises LoadFailed if the server closed the connection.
        """
        data = self.socket.recv(RECEIVE_BYTES)
        if not data:
            raise LoadFailed(
                f"the server closed a connection after {bytes(self.received[:SHOWN_BYTES])!r}"
            )
        self.received += data
        if self.length is None:
            self.length = response_length(self.received)
        return self.length is not None and len(self.received) >= self.length

    @property
    def body(self) -> bytes:
        return bytes(self.received.partition(b"\r\n\r\n")[2])

    @property
    def is_success(self) -> bool:
        return self.received.startswith(b"HTTP/1.1 2")


def response_length(received: bytearray) -> int | None:
    """Return the bytes of head and body by Content-Length; None while the head is incomplete."""
    head, separator, _ = received.partition(b"\r\n\r\n")
    if not separator:
        return None
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(head) + len(separator) + int(line[15:])
    raise LoadFailed(f"a response without Content-Length: {bytes(head[:SHOWN_BYTES])!r}")


class ClosedLoop:
    """Send `requests` until they end or the time is over, then wait for the last responses."""

    def __init__(self, connections: Sequence[socket.socket], requests: Iterator[bytes]) -> None:
        self._connections = [Connection(connection) for connection in connections]
        self._requests = requests
        self._latencies: list[float] = []
        self._refusals: list[bytes] = []
        self._selector = selectors.DefaultSelector()

    def run(self, *, seconds: float) -> Load:
        """Send the requests. Raises LoadFailed if any response is not a 2xx."""
        with self._selector:
            start = time.perf_counter()
            self._loop(until=start + seconds)
            elapsed = time.perf_counter() - start
        self._require_success()
        bodies = [connection.body for connection in self._connections if connection.received]
        return Load(elapsed, sorted(self._latencies), bodies)

    def _loop(self, until: float) -> None:
        for connection in self._connections:
            self._selector.register(connection.socket, selectors.EVENT_READ, connection)
            self._send_next(connection, until)
        while self._selector.get_map():
            ready = self._selector.select(SILENCE_SECONDS)
            if not ready:
                raise LoadFailed(f"no response within {SILENCE_SECONDS:.0f} s")
            for key, _ in ready:
                self._receive(key.data, until)

    def _receive(self, connection: Connection, until: float) -> None:
        if connection.receive():
            self._latencies.append(time.perf_counter() - connection.sent_at)
            if not connection.is_success:
                self._refusals.append(bytes(connection.received[:SHOWN_BYTES]))
            self._send_next(connection, until)

    def _send_next(self, connection: Connection, until: float) -> None:
        request = next(self._requests, None) if time.perf_counter() < until else None
        if request is None:
            self._selector.unregister(connection.socket)
        else:
            connection.send(request)

    def _require_success(self) -> None:
        if self._refusals:
            count, total = len(self._refusals), len(self._latencies)
            raise LoadFailed(
                f"{count} of {total} responses were errors; the first: {self._refusals[0]!r}"
            )


def connect(address: Address) -> socket.socket:
    connection = socket.create_connection(address, timeout=SILENCE_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def get(path: str, *headers: str) -> bytes:
    """Return the bytes of a GET, with these further lines in its head."""
    return _head(f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *headers)


def post(path: str, body: bytes, *headers: str) -> bytes:
    """Return the bytes of a POST of JSON, with these further lines in its head."""
    length = f"Content-Length: {len(body)}"
    kind = "Content-Type: application/json"
    return _head(f"POST {path} HTTP/1.1", "Host: 127.0.0.1", kind, length, *headers) + body


def _head(*lines: str) -> bytes:
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
