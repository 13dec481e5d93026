"""The load: a closed loop over keep-alive connections, each of which sends when the answer before is complete.

One process and no threads: it costs a small part of what the servers cost, the same for both of them.
"""

import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

SILENCE_SECONDS = 10.0
"""No server may take this long for any answer."""
RECEIVE_BYTES = 262_144
SHOWN_BYTES = 500

Address = tuple[str, int]


class LoadFailed(Exception):
    """A figure with errors in it is no figure."""


@dataclass(frozen=True)
class Load:
    """What one run of the loop saw."""

    seconds: float
    """From the first request to the last answer."""
    latencies: list[float]
    """Seconds, one an answer, the shortest first."""

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: int) -> float:
        """Milliseconds."""
        return 1000 * self.latencies[(len(self.latencies) - 1) * percent // 100]


@dataclass(eq=False)
class Connection:
    """One keep-alive connection with at most one request on its way."""

    socket: socket.socket
    sent_at: float = 0.0
    received: bytearray = field(default_factory=bytearray)
    length: int | None = None
    """Bytes of the whole answer; None until its head is here."""

    def send(self, request: bytes) -> None:
        self.received.clear()
        self.length = None
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Takes what is there; answers whether the answer is complete. Raises LoadFailed when the server hangs up."""
        data = self.socket.recv(RECEIVE_BYTES)
        if not data:
            raise LoadFailed(f"the server closed a connection after {bytes(self.received[:SHOWN_BYTES])!r}")
        self.received += data
        if self.length is None:
            self.length = answer_length(self.received)
        return self.length is not None and len(self.received) >= self.length

    @property
    def is_success(self) -> bool:
        return self.received.startswith(b"HTTP/1.1 2")


def answer_length(received: bytearray) -> int | None:
    """Bytes of head and body by Content-Length; None while the head is not complete."""
    head, separator, _ = received.partition(b"\r\n\r\n")
    if not separator:
        return None
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(head) + len(separator) + int(line[15:])
    raise LoadFailed(f"an answer without Content-Length: {bytes(head[:SHOWN_BYTES])!r}")


class ClosedLoop:
    """Sends `requests` until they or the time are over, then waits for the answers on their way."""

    def __init__(self, connections: Sequence[socket.socket], requests: Iterator[bytes]) -> None:
        self._connections = [Connection(connection) for connection in connections]
        self._requests = requests
        self._latencies: list[float] = []
        self._refusals: list[bytes] = []
        self._selector = selectors.DefaultSelector()

    def run(self, *, seconds: float) -> Load:
        """Raises LoadFailed if any answer is not a 2xx."""
        with self._selector:
            start = time.perf_counter()
            self._loop(until=start + seconds)
            elapsed = time.perf_counter() - start
        self._require_success()
        return Load(elapsed, sorted(self._latencies))

    def _loop(self, until: float) -> None:
        for connection in self._connections:
            self._selector.register(connection.socket, selectors.EVENT_READ, connection)
            self._send_next(connection, until)
        while self._selector.get_map():
            ready = self._selector.select(SILENCE_SECONDS)
            if not ready:
                raise LoadFailed(f"no answer within {SILENCE_SECONDS:.0f} s")
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
            raise LoadFailed(f"{count} of {total} answers were no success; the first: {self._refusals[0]!r}")


def connect(address: Address) -> socket.socket:
    connection = socket.create_connection(address, timeout=SILENCE_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def get(path: str) -> bytes:
    """The bytes of a GET."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def post(path: str, body: bytes) -> bytes:
    """The bytes of a POST of JSON."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n".encode() + body
