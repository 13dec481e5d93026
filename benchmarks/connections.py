"""Keep-alive connections, spread evenly over the worker processes of a server.

The kernel spreads them at random, and a round with 13 of 16 connections on one of two processes
would measure that.
"""

import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from benchmarks.load import SILENCE_SECONDS, Address, ClosedLoop, LoadFailed, connect, get
from benchmarks.subjects import Subject

MAX_TRIES = 50
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
    kept: list[socket.socket] = field(default_factory=list)
    held: Counter[int] = field(default_factory=Counter)
    """The connections by worker process."""

    @property
    def share(self) -> int:
        return -(-self.number // self.subject.workers)

    def fill(self) -> None:
        for _ in range(MAX_TRIES):
            missing = self.number - len(self.kept)
            if not missing:
                return
            self._choose([used_once(self.subject.address) for _ in range(missing)])
        raise LoadFailed(
            f"the connections are spread unevenly even after {MAX_TRIES} tries: {dict(self.held)}"
        )

    def close(self) -> None:
        for connection in self.kept:
            connection.close()

    def _choose(self, connections: Sequence[socket.socket]) -> None:
        holders = self.subject.connection_holders()
        for connection in connections:
            process = holders[connection.getsockname()[1]]
            if self.held[process] < self.share:
                self.held[process] += 1
                self.kept.append(connection)
            else:
                connection.close()


@contextmanager
def even_connections(subject: Subject, number: int) -> Iterator[list[socket.socket]]:
    """Return the same number of connections for each worker process."""
    if subject.workers == 1:
        with any_connections(subject.address, number) as connections:
            yield connections
        return
    spread = Spread(subject, number)
    try:
        spread.fill()
        yield spread.kept
    finally:
        spread.close()


def used_once(address: Address) -> socket.socket:
    """Return a connection that got a response, which proves that a process accepted it."""
    connection = connect(address)
    ClosedLoop([connection], iter([READY])).run(seconds=SILENCE_SECONDS)
    return connection
