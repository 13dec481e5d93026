"""The socket of a connection, with a limit on the time for which a client takes nothing."""

import errno
from typing import Any

SEND_TIMEOUT_SECONDS = 60.0
"""A client that takes no byte of a response for this time is considered gone."""


class ClientSocket:
    """A gevent socket whose `sendall` gives up when the client takes no byte for too long.

    The response would stay in memory for as long as the connection is open. A client that is only
    slow may take hours.
    """

    def __init__(self, connection: Any, seconds: float | None = None) -> None:
        self._socket = connection
        self._seconds = seconds
        self.recv = connection.recv

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def sendall(self, data: bytes) -> None:
        """Send all of the data. Raises ConnectionResetError when the client takes no byte."""
        unsent = memoryview(data)
        self._socket.settimeout(SEND_TIMEOUT_SECONDS if self._seconds is None else self._seconds)
        try:
            while unsent:
                unsent = unsent[self._socket.send(unsent) :]
        except TimeoutError:
            raise ConnectionResetError(
                errno.ECONNRESET, "the client takes no byte of the response"
            ) from None
        finally:
            self._socket.settimeout(None)
