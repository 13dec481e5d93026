"""Exchange packed commands for their replies, many in one round trip.

This does without redis-py's commands and pipelines: their bookkeeping costs as much as a worker
spends on an empty task in the domain.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import redis
from hiredis import pack_command

from adapters.redis.failures import NOT_MASTER

IDLE_SECONDS = 1.0
"""A kept connection that was idle for this long is checked before reuse."""

Exchange = Callable[[Sequence[bytes]], list[Any]]
"""Sends packed commands and returns their replies in order, errors of the server among them.

Raises RedisError when it cannot send them or loses a reply.
"""


def packed(*words: str | bytes | float) -> bytes:
    """Return a command as it is sent. Replies have the form of RESP3: the reply to HGETALL is a
    dictionary.
    """
    command: bytes = pack_command(words)  # type: ignore[arg-type]  # its types allow one word
    return command


class PooledExchange:
    """Borrows a connection of the client for each exchange.

    With `keep_connections`, each thread keeps one connection for good. That is for processes of a
    few threads that live as long as the process: borrowing and checking a connection would cost
    more than an empty task in the domain.
    """

    def __init__(self, client: redis.Redis, *, keep_connections: bool) -> None:
        self._client = client
        self._keep_connections = keep_connections
        self._mine = threading.local()

    def __call__(self, commands: Sequence[bytes]) -> list[Any]:
        """Exchange the commands. After an error, close the connection.

        A connection with unread replies would give them to the next call, and one to a replica
        would refuse its changes as well.
        """
        pool: Any = self._client.connection_pool
        connection = self._borrow(pool)
        try:
            connection.send_packed_command([b"".join(commands)])
            replies = [_read_reply(connection) for _ in commands]
            if any(isinstance(reply, NOT_MASTER) for reply in replies):
                connection.disconnect()
            return replies
        except BaseException:
            connection.disconnect()
            raise
        finally:
            if self._keep_connections:
                mine = self._mine
                mine.connection, mine.used, mine.pid = connection, time.monotonic(), os.getpid()
            else:
                pool.release(connection)

    def _borrow(self, pool: Any) -> Any:
        """Return the kept connection of this thread, or one of the pool.

        The pool checks an idle connection before reuse; the server may have closed it. A connection
        from before a fork belongs to the parent.
        """
        kept = getattr(self._mine, "connection", None)
        if kept and self._mine.pid != os.getpid():
            self._mine.connection = kept = None
        if kept and time.monotonic() - self._mine.used > IDLE_SECONDS:
            self._mine.connection = None
            pool.release(kept)
            kept = None
        return kept or pool.get_connection()


def _read_reply(connection: Any) -> Any:
    """Return the reply to a command, or the error by which the server refuses it."""
    try:
        return connection.read_response()
    except redis.ResponseError as error:
        return error
