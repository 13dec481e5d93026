"""Connections that wait as long as the server replies to this process; see application.cut_off."""

import errno
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import redis

from application.cut_off import MAX_SILENT_TURNS, TURN_SECONDS, ServerContact, Verdict, Wait

CONNECT_SECONDS = 0.5
MAX_CONNECT_ATTEMPTS = 2
"""A busy process may miss the end of its first attempt to connect."""
SEND_BYTES = 65_536
SLOW_SECONDS = 1.0
LOG_INTERVAL_SECONDS = 10.0

logger = logging.getLogger(__name__)


class ServerSilent(redis.TimeoutError):
    """The server is silent although calls wait for replies."""

    def __init__(self) -> None:
        seconds = MAX_SILENT_TURNS * TURN_SECONDS
        super().__init__(f"no byte came for {seconds:g} s while calls wait for replies")


class ConnectionSilent(redis.TimeoutError):
    """The server replies to later calls on other connections, and is silent on this one."""

    def __init__(self) -> None:
        super().__init__("later calls on other connections had their replies, this one had none")


class SlowCalls:
    """Logs calls that took long although the server was not silent, at most every 10 seconds."""

    def __init__(self) -> None:
        self._last_logged = -LOG_INTERVAL_SECONDS

    def log(self, seconds: float, turns: int) -> None:
        """Log whether this process or the server was busy during a wait of so many turns."""
        now = time.monotonic()
        if now - self._last_logged < LOG_INTERVAL_SECONDS:
            return
        self._last_logged = now
        if turns * TURN_SECONDS < seconds / 2:
            logger.warning(
                "This process was too busy to read a reply for %.1f s.",
                seconds,
                extra={"action": "process_busy"},
            )
        else:
            logger.warning(
                "Redis was busy: a call waited %.1f s.",
                seconds,
                extra={"action": "store_busy"},
            )


class PatientSocket:
    """A connected socket whose only timeouts are ServerSilent and ConnectionSilent."""

    def __init__(self, connected: Any, contact: ServerContact, slow_calls: SlowCalls) -> None:
        connected.settimeout(TURN_SECONDS)
        self.connected = connected
        self._contact = contact
        self._slow_calls = slow_calls

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connected, name)

    def recv_into(self, buffer: Any) -> int:
        began, first_round = time.monotonic(), self._contact.rounds
        wait = Wait(self._contact)
        number = _repeat(partial(self.connected.recv_into, buffer), wait)
        self._contact.count_piece(first_round)
        seconds = time.monotonic() - began
        if seconds > SLOW_SECONDS:
            self._slow_calls.log(seconds, wait.turns)
        return number

    def sendall(self, data: Any) -> None:
        """Send all. Each piece that the server takes restarts the wait, for this call only."""
        rest = memoryview(data)
        while rest:
            piece = rest[:SEND_BYTES]
            sent = _repeat(partial(self.connected.send, piece), Wait(self._contact))
            rest = rest[sent:]


def _repeat(step: Callable[[], int], wait: Wait) -> int:
    """Repeat a step until it does not time out. Raises ServerSilent, ConnectionSilent."""
    while True:
        try:
            return step()
        except TimeoutError as error:
            if error.errno == errno.ETIMEDOUT:  # the kernel has given the connection up
                raise
            verdict = wait.end_turn()
            if verdict is Verdict.SERVER_SILENT:
                raise ServerSilent from error
            if verdict is Verdict.CONNECTION_DEAD:
                raise ConnectionSilent from error


def patient_connection(kind: type[Any]) -> type[Any]:
    """Return a class of patient connections of that kind, which share what they hear."""
    contact, slow_calls = ServerContact(), SlowCalls()

    class PatientConnection(kind):  # type: ignore[misc]  # TCP, TLS, a Unix socket, sentinels
        shared = contact, slow_calls

        def _connect(self) -> Any:
            for _ in range(MAX_CONNECT_ATTEMPTS - 1):
                try:
                    return PatientSocket(super()._connect(), contact, slow_calls)
                except TimeoutError:
                    continue
            return PatientSocket(super()._connect(), contact, slow_calls)

    return PatientConnection


def shared_by(pool: Any) -> tuple[ServerContact, SlowCalls]:
    """Return what the patient connections of a pool share."""
    shared: tuple[ServerContact, SlowCalls] = pool.connection_class.shared
    return shared
