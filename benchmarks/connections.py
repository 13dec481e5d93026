"""Keep-alive connections, spread evenly over the worker processes of a server.

The kernel spreads them at random, and a round with 13 of 16 connections on one of two processes
would measure that.
"""

import selectors
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from benchmarks.load import SILENCE_SECONDS, Address, ClosedLoop, LoadFailed, connect, get
from benchmarks.subjects import Subject

MAX_TRIES = 50
MORE_AT_ONCE = 8
"""Connections that are opened beyond those that are missing, and mostly closed again."""
MAX_SPREAD = 100
"""More connections than this are spread evenly enough by chance."""
READY = get("/readyz")


@contextmanager
def any_connections(address: Address, number: int) -> Iterator[list[socket.socket]]:
    """Connections in the order in which they were accepted."""
    with ExitStack() as stack:
        yield [stack.enter_context(connect(address)) for _ in range(number)]


@dataclass
class Spread:
    """Keep connections until each worker process has its share, and close the others."""

    subject: Subject
    number: int
    held: dict[socket.socket, int] = field(default_factory=dict)
    """The kept connections, each with its worker process."""

    @property
    def share(self) -> int:
        return -(-self.number // self.subject.workers)

    def fill(self) -> None:
        """Open connections until enough are kept, also in place of those that the server closed."""
        for _ in range(MAX_TRIES):
            self._drop_closed()
            missing = self.number - len(self.kept)
            if not missing:
                return
            self._choose(used_once(self.subject.address, missing + MORE_AT_ONCE))
        raise LoadFailed(
            f"the connections are spread unevenly even after {MAX_TRIES} tries: "
            f"{dict(Counter(self.held.values()))}"
        )

    @property
    def kept(self) -> list[socket.socket]:
        return list(self.held)

    def close(self) -> None:
        for connection in self.held:
            connection.close()

    def _drop_closed(self) -> None:
        """A server closes connections that are idle for seconds; a busy machine may need more."""
        for connection in [each for each in self.held if is_closed(each)]:
            connection.close()
            del self.held[connection]

    def _choose(self, connections: Sequence[socket.socket]) -> None:
        holders = self.subject.connection_holders()
        counts = Counter(self.held.values())
        for connection in connections:
            process = holders.get(connection.getsockname()[1])
            is_wanted = len(self.held) < self.number and counts[process] < self.share
            if process is not None and is_wanted:
                counts[process] += 1
                self.held[connection] = process
            else:
                connection.close()


@contextmanager
def even_connections(subject: Subject, number: int) -> Iterator[list[socket.socket]]:
    """Return the same number of connections for each worker process, or about that of many."""
    if subject.workers == 1 or number > MAX_SPREAD:
        with any_connections(subject.address, number) as connections:
            yield connections
        return
    spread = Spread(subject, number)
    try:
        spread.fill()
        yield spread.kept
    finally:
        spread.close()


def is_closed(connection: socket.socket) -> bool:
    """Return whether the server has closed an idle connection: nothing else makes it readable."""
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        return bool(selector.select(0))


def used_once(address: Address, number: int) -> list[socket.socket]:
    """Return connections that each got a response, which proves that a process accepted it.

    They are opened at once. Of idle processes the same one would accept each single connection.
    """
    connections = [connect(address) for _ in range(number)]
    for connection in connections:
        ClosedLoop([connection], iter([READY])).run(seconds=SILENCE_SECONDS)
    return connections
