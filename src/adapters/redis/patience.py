"""Connections that wait as long as the server says anything to this process, and give up when it is silent.

The age of a call says nothing about the server: it may stand in a line of our own calls, or
this process may have had no time to read the reply. So a wait is made of turns of 100 ms, and
those count in which no byte arrived from the server on any connection. A turn in which this
process was busy is one turn, however long it took, and the reply is looked for before the next
one begins.
"""

import errno
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import redis
from redis.connection import Connection, parse_url

TURN_SECONDS = 0.1
SILENT_TURNS = 10
OVERTAKEN = 10
"""Rounds of other calls, each begun after the one before had its reply, until a call is lost."""
CONNECT_SECONDS = 0.5
CONNECTS = 2
"""Attempts at a connection: a process that is busy may miss the end of one."""
SEND_BYTES = 65_536
SLOW_SECONDS = 1.0
SAY_AGAIN_SECONDS = 10.0

logger = logging.getLogger(__name__)


class ServerSilent(redis.TimeoutError):
    """The server says nothing to this process, although it was asked."""

    def __init__(self) -> None:
        seconds = SILENT_TURNS * TURN_SECONDS
        super().__init__(f"no byte came for {seconds:g} s while calls wait for replies")


class ConnectionSilent(redis.TimeoutError):
    """The server replies to later calls on other connections, and says nothing on this one."""

    def __init__(self) -> None:
        super().__init__("later calls on other connections had their replies, this one had none")


class Server:
    """What the connections of this process have heard of the server."""

    def __init__(self) -> None:
        self.heard = 0
        """Pieces of replies that arrived."""
        self.rounds = 0
        """Calls that had a reply, each begun after the one before had its own."""
        self.silences = 0
        self._told = -SAY_AGAIN_SECONDS

    def hear(self, began_in: int) -> None:
        self.heard += 1
        if began_in == self.rounds:
            self.rounds += 1

    def tell_slow(self, seconds: float, turns: int) -> None:
        """Log a call that took long although the server was not silent, at most every 10 seconds."""
        now = time.monotonic()
        if now - self._told < SAY_AGAIN_SECONDS:
            return
        self._told = now
        if turns * TURN_SECONDS < seconds / 2:
            logger.warning(
                "Busy with own work: this process looked at a reply of the store after %.1f s.",
                seconds,
                extra={"action": "process_busy"},
            )
        else:
            logger.warning(
                "Busy with own work: the store replied to other calls while one waited %.1f s.",
                seconds,
                extra={"action": "store_busy"},
            )


class PatientSocket:
    """A connected socket whose only timeouts are ServerSilent and ConnectionSilent."""

    def __init__(self, connected: Any, server: Server) -> None:
        connected.settimeout(TURN_SECONDS)
        self._connected = connected
        self._server = server

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connected, name)

    def recv_into(self, buffer: Any) -> int:
        began, began_in = time.monotonic(), self._server.rounds
        wait = _Wait(self._server)
        number = wait.through(partial(self._connected.recv_into, buffer))
        self._server.hear(began_in)
        seconds = time.monotonic() - began
        if seconds > SLOW_SECONDS:
            self._server.tell_slow(seconds, wait.turns)
        return number

    def sendall(self, data: Any) -> None:
        """Send all. That the server takes some of it is a sign of life, too, but only for this call."""
        rest = memoryview(data)
        while rest:
            piece = rest[:SEND_BYTES]
            sent = _Wait(self._server).through(partial(self._connected.send, piece))
            rest = rest[sent:]


class _Wait:
    """Counts the turns of one wait."""

    def __init__(self, server: Server) -> None:
        self.turns = 0
        self._server = server
        self._heard, self._began_in, self._silences = server.heard, server.rounds, server.silences
        self._silent_turns = 0

    def through(self, step: Callable[[], int]) -> int:
        """Repeat a step until it does not time out. Raises ServerSilent, ConnectionSilent."""
        while True:
            try:
                return step()
            except TimeoutError as error:
                if error.errno == errno.ETIMEDOUT:  # the kernel has given the connection up
                    raise
                self._count_turn()

    def _count_turn(self) -> None:
        server = self._server
        self.turns += 1
        self._silent_turns += 1
        if server.heard != self._heard:
            self._heard, self._silent_turns = server.heard, 0
        if self._silent_turns >= SILENT_TURNS:
            server.silences += 1
            raise ServerSilent
        if server.silences != self._silences and self._silent_turns:
            raise ServerSilent
        if self.turns >= SILENT_TURNS and server.rounds - self._began_in >= OVERTAKEN:
            raise ConnectionSilent


def patient_kind(url: str) -> type[Any]:
    """Return the kind of connection for a pool of patient ones to that URL."""
    options: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]  # it has no types
    kind: Any = options.get("connection_class", Connection)
    server = Server()

    class PatientConnection(kind):  # type: ignore[misc]  # which kind it is depends on the URL
        def _connect(self) -> Any:
            for _ in range(CONNECTS - 1):
                try:
                    return PatientSocket(super()._connect(), server)
                except TimeoutError:
                    continue
            return PatientSocket(super()._connect(), server)

    return PatientConnection
