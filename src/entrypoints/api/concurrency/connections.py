"""Limits on connections that wait for their client, and the deadline of a request body."""

import socket
import time
from collections import OrderedDict, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import gevent

from entrypoints.api.concurrency.cooperation import let_others_run

MIN_BYTES_PER_SECOND = 65_536
"""Each 64 KiB of a body extend its deadline by one second, so 8 MiB may take 128 s longer."""
READ_BYTES = 65_536
"""Limit on the bytes of one read, so that bytes that arrived are counted in time."""

MAX_WAITING_BYTES = 64 * 1024 * 1024
"""Limit on the bytes of heads and bodies of which a process waits for the rest, and of responses
that their clients have not taken."""
PATIENT_SECONDS = 1.0
"""Responses may take twice as many bytes for this time, in which usual clients take theirs."""


class RequestTooSlow(Exception):
    """A body did not arrive within its deadline."""


class Connection:
    """A connection of one client."""

    def __init__(self, client: Any, address: Any) -> None:
        self.client = client
        self.host: str = address[0] if isinstance(address, tuple) else ""
        """The client's address; empty on a Unix socket."""
        self.was_shut = False
        self.awaits_head = True


@dataclass
class _Held:
    """The bytes that a connection has waited with since a moment."""

    since: float
    size: int = 0


class PendingConnections:
    """The connections that wait for their client: to send a request, or to take a response.

    A client can leave a connection in this state for ever, so their number is limited, for each
    client address and in total. One more closes the one that has waited longest, so a new client is
    always served. In the same way the bytes of unfinished heads and bodies, and of responses that
    nobody takes, are limited.
    """

    def __init__(
        self, max_total: int, max_per_host: int, max_bytes: int = MAX_WAITING_BYTES
    ) -> None:
        self._max_total = max_total
        self._max_per_host = max_per_host
        self._max_bytes = max_bytes
        self._held: OrderedDict[Connection, _Held] = OrderedDict()
        """The first one has waited longest."""
        self._bytes = 0
        self._all: OrderedDict[Connection, None] = OrderedDict()
        self._by_host: defaultdict[str, OrderedDict[Connection, None]] = defaultdict(OrderedDict)

    def add(self, connection: Connection) -> None:
        """Count a connection as pending from now on. Close the oldest one when a limit is exceeded.

        A connection that was shut is ignored: it is about to end, and would displace another.
        """
        self.discard(connection)
        if connection.was_shut:
            return
        self._all[connection] = self._by_host[connection.host][connection] = None
        if len(self._by_host[connection.host]) > self._max_per_host:
            self._close(next(iter(self._by_host[connection.host])))
        elif len(self._all) > self._max_total:
            self._close(next(iter(self._all)))

    def add_received(self, connection: Connection, size: int) -> None:
        """Count bytes of an unfinished request. Close the oldest connection beyond the limit.

        A single request is never too long: its own limits have been checked.
        """
        self._count(connection, size)
        while self._bytes > self._max_bytes and len(self._held) > 1:
            self._close(next(iter(self._held)))

    @contextmanager
    def response(self, connection: Connection, size: int) -> Iterator[None]:
        """Count a part of a response until the block ends. Close the oldest beyond the limit."""
        self._count(connection, size)
        while self._bytes > self._limit() and len(self._held) > 1:
            self._close(next(iter(self._held)))
        try:
            yield
        finally:
            if held := self._held.get(connection):
                held.size -= size
                self._bytes -= size
                if not held.size:
                    del self._held[connection]

    def _limit(self) -> int:
        """Return the limit on bytes, which is twice as large while none has waited for long."""
        oldest = next(iter(self._held.values()))
        is_old = time.monotonic() - oldest.since > PATIENT_SECONDS
        return self._max_bytes if is_old else 2 * self._max_bytes

    def _count(self, connection: Connection, size: int) -> None:
        if connection not in self._all:
            return
        held = self._held.setdefault(connection, _Held(since=time.monotonic()))
        held.size += size
        self._bytes += size

    def discard(self, connection: Connection) -> None:
        """Stop counting a connection as pending. A connection that is not pending is ignored."""
        if connection not in self._all:
            return
        del self._all[connection]
        if held := self._held.pop(connection, None):
            self._bytes -= held.size
        of_host = self._by_host[connection.host]
        del of_host[connection]
        if not of_host:
            del self._by_host[connection.host]

    def close_idle(self) -> None:
        """Close the connections that have no request."""
        for connection in [each for each in self._all if each.awaits_head]:
            self._close(connection)

    def _close(self, connection: Connection) -> None:
        """Shut a connection down. The greenlet that waits for it sees its end and closes it."""
        self.discard(connection)
        connection.was_shut = True
        with suppress(OSError):
            connection.client.shutdown(socket.SHUT_RDWR)


class TimedBody:
    """A gunicorn body reader with a deadline.

    Its connection is pending until the body is complete.
    """

    def __init__(
        self, request: Any, connection: Connection, pending: PendingConnections, seconds: float
    ) -> None:
        self._request = request
        self._reader = request.body.reader
        self._connection = connection
        self._pending = pending
        self._deadline = time.monotonic() + seconds

    def read(self, size: int) -> bytes:
        """Return at most 64 KiB.

        Raises RequestTooSlow after the deadline, and gunicorn's ParseException.
        """
        try:
            data = self._read(min(size, READ_BYTES))
        except RequestTooSlow:
            self._request.force_close()
            raise
        if self._connection.was_shut:
            raise gevent.GreenletExit  # no client waits for a response
        return data

    def _read(self, size: int) -> bytes:
        """Read once. The end of the body is in time whenever it is read, for it has arrived.

        gevent raises RequestTooSlow only in a read that waits, so the deadline is compared, too.
        """
        with gevent.Timeout(max(self._deadline - time.monotonic(), 0), RequestTooSlow):
            data: bytes = self._reader.read(size)
        self._deadline += len(data) / MIN_BYTES_PER_SECOND
        if len(data) < size or not has_more(self._reader):
            self._pending.discard(self._connection)
        elif time.monotonic() > self._deadline:
            raise RequestTooSlow
        else:
            self._pending.add_received(self._connection, len(data))
        return data


class PacedBody:
    """A gunicorn body reader for the rest of a body, which gunicorn reads before the next head.

    Other requests run meanwhile, even when the rest arrives fast. The rest has the deadline of the
    next head.
    """

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def read(self, size: int) -> bytes:
        let_others_run()
        data: bytes = self._reader.read(size)
        return data


def has_more(reader: Any) -> bool:
    """Return False when a gunicorn body reader is known to be at its end."""
    return bool(getattr(reader, "length", 1))
