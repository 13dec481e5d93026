"""One connection to Redis for all greenlets of a process.

The commands of all requests in one turn of the event loop are sent together, and their replies are
read together. A request then pays for a share of two system calls, and needs neither a pool nor a
timer of its own: these cost more than a read of a task (benchmarks/).
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import redis
from gevent import GreenletExit, get_hub, spawn
from gevent.event import Event
from gevent.hub import Waiter
from gevent.lock import BoundedSemaphore, RLock
from hiredis import PushNotification

from adapters.redis.exchange import PooledExchange
from adapters.redis.failures import NOT_MASTER, copied
from adapters.redis.patient_socket import SLOW_SECONDS, ServerSilent, shared_by
from application.cut_off import MAX_SILENT_TURNS, TURN_SECONDS

RECEIVE_BYTES = 262_144
MAX_SHARED_BYTES = 32_768
"""A longer call has a connection of its own, so that no other one waits until it is sent."""
MAX_LONG_CALLS = 16
MAX_CALLS_IN_FLIGHT = 16
"""Redis replies when it has processed all that has arrived: more would look like silence."""


class SharedConnection:
    """An Exchange for a process that gevent has patched. It connects again after each loss."""

    def __init__(self, client: redis.Redis) -> None:
        """`client` must be patient; see adapters.redis.connection.connect."""
        self._pool: Any = client.connection_pool
        self._connecting = RLock()
        self._link: _Link | None = None
        self._last_failure: redis.RedisError | None = None
        self._exchange_apart = PooledExchange(client, keep_connections=False)
        self._long_calls = BoundedSemaphore(MAX_LONG_CALLS)

    def __call__(self, commands: Sequence[bytes]) -> list[Any]:
        """Exchange the commands. Raises redis.ConnectionError and redis.TimeoutError."""
        if not commands:
            return []
        if sum(map(len, commands)) > MAX_SHARED_BYTES:
            with self._long_calls:
                return self._exchange_apart(commands)
        link = self._link
        if link is None or not link.is_usable:
            link = self._connect()
        return link.exchange(commands)

    def _connect(self) -> "_Link":
        """Return a link. Calls that wait for another one's attempt share its failure."""
        failure = self._last_failure
        with self._connecting:
            if self._link is not None and self._link.is_usable:
                return self._link
            if self._last_failure is not None and self._last_failure is not failure:
                raise copied(self._last_failure)
            try:
                self._link = _Link(self._pool)
            except redis.RedisError as error:
                self._last_failure = error
                raise
            return self._link


class _Link:
    """A connection from its start to its end."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._connection = pool.get_connection()
        self._socket = self._connection._sock.connected
        self._socket.settimeout(None)
        self._reader = self._connection._parser._reader
        self._not_enough_data = self._reader.gets()
        self._contact, self._slow_calls = shared_by(pool)
        self._loop = get_hub().loop
        self._outgoing: deque[bytes] = deque()
        """The commands of each call that is not sent yet."""
        self._has_outgoing = Event()
        self._calls: deque[tuple[Waiter[Any], int, list[Any]]] = deque()
        """The calls that wait for replies, in order, each with the number of its commands."""
        self._turns = 0
        self._silent_turns = 0
        self._turn = self._loop.timer(TURN_SECONDS, repeat=TURN_SECONDS)
        self.is_usable = True
        """False once it takes no further calls."""
        self._is_closed = False
        self._greenlets = [spawn(self._guard, self._send), spawn(self._guard, self._receive)]

    def exchange(self, commands: Sequence[bytes]) -> list[Any]:
        waiter: Waiter[Any] = Waiter()
        replies: list[Any] = []
        began, first_turn = time.monotonic(), self._turns
        if not self._calls:
            self._silent_turns = 0
            if not self._turn.active:
                self._turn.start(self._end_turn)
        self._calls.append((waiter, len(commands), replies))
        self._outgoing.append(b"".join(commands))
        self._has_outgoing.set()
        waiter.get()
        seconds = time.monotonic() - began
        if seconds > SLOW_SECONDS:
            self._slow_calls.log(seconds, self._turns - first_turn)
        for reply in replies:
            if isinstance(reply, redis.ConnectionError):  # the server is loading, for example
                raise reply
            if isinstance(reply, NOT_MASTER):
                self.is_usable = False
        if not self.is_usable and not self._calls:
            self._close(redis.ConnectionError("The server is no master."))
        return replies

    def _send(self) -> None:
        outgoing, calls = self._outgoing, self._calls
        while self._has_outgoing.wait():
            in_flight = len(calls) - len(outgoing)
            number = min(len(outgoing), MAX_CALLS_IN_FLIGHT - in_flight)
            data = b"".join([outgoing.popleft() for _ in range(number)])
            self._has_outgoing.clear()
            self._socket.sendall(data)

    def _receive(self) -> None:
        buffer = bytearray(RECEIVE_BYTES)
        reader, calls, nothing = self._reader, self._calls, self._not_enough_data
        resume = self._loop.run_callback
        while number := self._socket.recv_into(buffer):
            self._silent_turns = 0
            self._contact.pieces_received += 1
            reader.feed(buffer, 0, number)
            while (reply := reader.gets()) is not nothing:
                if type(reply) is PushNotification:
                    continue
                waiter, count, replies = calls[0]
                replies.append(reply)
                if len(replies) == count:
                    calls.popleft()
                    resume(waiter.switch, None)
            if self._outgoing:
                self._has_outgoing.set()
        raise redis.ConnectionError("Connection closed by server.")

    def _end_turn(self) -> None:
        """Count a turn without a byte. A turn in which this process was busy counts as one."""
        if not self._calls:
            self._turn.stop()
            return
        self._turns += 1
        self._silent_turns += 1
        if self._silent_turns >= MAX_SILENT_TURNS:
            self._close(ServerSilent())

    def _guard(self, work: Callable[[], None]) -> None:
        """Do the work. Its failure ends the link."""
        try:
            work()
        except GreenletExit:
            raise
        except redis.RedisError as error:
            self._close(error)
        except Exception as error:
            self._close(redis.ConnectionError(f"{type(error).__name__}: {error}"))

    def _close(self, error: redis.RedisError) -> None:
        """End the link. Each call that waits on it raises the error."""
        if self._is_closed:
            return
        self._is_closed, self.is_usable = True, False
        self._turn.stop()
        self._turn.close()
        self._connection.disconnect()
        self._pool.release(self._connection)
        for greenlet in self._greenlets:
            self._loop.run_callback(greenlet.kill, GreenletExit, False)
        while self._calls:
            waiter, _, _ = self._calls.popleft()
            self._loop.run_callback(waiter.throw, copied(error))
