"""The socket of a connection: it sends a head with its body, and gives up on clients that left."""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import request
from gevent import GreenletExit

from entrypoints.api.concurrency.connections import Connection, PendingConnections

SEND_TIMEOUT_SECONDS = 60.0
"""A client that takes no byte of a response for this time is considered gone."""


MIN_COUNTED_BYTES = 16_384
"""Shorter responses are not counted: those of all connections take a few MB."""
MAX_JOINED_BYTES = 65_536
"""A longer body is sent after its head, since joining them would copy it."""


class ClientSocket:
    """A gevent socket that gives up sending when the client takes no byte for too long.

    The response would stay in memory for as long as the connection is open. A client that is only
    slow may take hours.
    """

    def __init__(
        self,
        connected: Any,
        seconds: float | None = None,
        connection: Connection | None = None,
        pending: PendingConnections | None = None,
    ) -> None:
        """`pending` counts bytes of requests and long responses under the `connection`."""
        self._socket = connected
        self._seconds = seconds
        self._connection = connection
        self._pending = pending
        self._is_head_next = False
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def recv(self, *arguments: Any) -> Any:
        """Return the bytes that arrived; none when this process has shut the connection."""
        try:
            return self._socket.recv(*arguments)
        except OSError:
            if self._was_shut:
                return b""
            raise

    def has_left(self) -> bool:
        """Return whether the client has closed its end, and sent nothing before that is unread."""
        self._socket.settimeout(0)
        try:
            return not self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            self._socket.settimeout(None)

    def note_received(self, size: int) -> None:
        """Count bytes of an unfinished head."""
        if self._pending and self._connection:
            self._pending.add_received(self._connection, size)

    def send(self, data: bytes) -> int:
        """Send all of an interim response, 100 Continue. Raises ConnectionResetError as `sendall`
        does.
        """
        self._send_all(data)
        return len(data)

    def expect_head(self) -> None:
        """Keep what is sent next, the head of a response, and send it with what follows.

        gunicorn sends them one by one, and a call of send(2) costs as much as Flask's routing.
        """
        self._is_head_next = True

    def send_head(self) -> None:
        """Send a head that no body has followed. Raises ConnectionResetError as `sendall` does."""
        self._is_head_next = False
        if self._head:
            self.sendall(b"")

    def sendall(self, data: bytes) -> None:
        """Send all of the data. Raises ConnectionResetError when the client takes no byte."""
        if self._is_head_next:
            self._head, self._is_head_next = data, False
            return
        head, self._head = self._head, b""
        if head and len(data) <= MAX_JOINED_BYTES:
            self._send(head + data)
            return
        if head:
            self._send(head)
        self._send(data)

    def _send(self, data: bytes) -> None:
        if self._pending and self._connection and len(data) >= MIN_COUNTED_BYTES:
            with self._pending.response(self._connection, len(data)):
                self._send_all(data)
        else:
            self._send_all(data)

    @property
    def _was_shut(self) -> bool:
        return self._connection is not None and self._connection.was_shut

    def _send_all(self, data: bytes) -> None:
        unsent = memoryview(data)
        with self._limited():
            while unsent:
                unsent = unsent[self._socket.send(unsent) :]

    @contextmanager
    def _limited(self) -> Iterator[None]:
        """Limit the time for which each send during the block may wait."""
        self._socket.settimeout(SEND_TIMEOUT_SECONDS if self._seconds is None else self._seconds)
        try:
            yield
        except TimeoutError:
            raise ConnectionResetError(
                errno.ECONNRESET, "the client takes no byte of the response"
            ) from None
        except OSError:
            if self._was_shut:
                raise ConnectionResetError(
                    errno.ECONNRESET, "the connection was shut to keep memory bounded"
                ) from None
            raise
        finally:
            self._socket.settimeout(None)


def end_if_client_left() -> None:
    """End the current request if nobody waits for its response. Raises GreenletExit."""
    connection = request.environ.get("gunicorn.socket")
    if connection is not None and connection.has_left():
        raise GreenletExit
