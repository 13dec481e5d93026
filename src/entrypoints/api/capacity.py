"""How many requests, waits and streams one process of the API holds at once."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from flask import current_app

RESERVED_DESCRIPTORS = 100
"""For files, the listening socket and the connections to Redis, of which adapters.redis.client opens up to 66."""
LEAST_DESCRIPTORS = 128
MOST_CONNECTIONS = 10_000
"""Requests of one process at once."""
MOST_BATCHES_WAITING = 16
"""Batches that have arrived and wait in one process, each with TASKS_MAX_BATCH_BYTES at most."""


class TooManyStreams(Exception):
    """The process has no descriptor for another stream or wait."""


class Overloaded(Exception):
    """As many batches wait in this process as may wait; nothing of this one was stored."""


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """Shares of the file descriptors of one process, which no client can exceed.

    Streams have their own share, since they leave the request that opened them (docs/decisions/0011). What is left of
    `connections` beside pending ones and waits is for requests that are worked on.
    """

    connections: int
    """Requests, pending connections and waits included."""
    pending: int
    """Connections that wait for their client."""
    waits: int
    streams: int

    @classmethod
    def of(cls, descriptors: int) -> Self:
        """Return the shares for a limit on open files of at least 128."""
        free = descriptors - RESERVED_DESCRIPTORS
        connections = min(MOST_CONNECTIONS, free // 2)
        return cls(
            connections=connections, pending=connections // 2, waits=connections // 4, streams=free - connections
        )


class Places:
    """A bounded number of places, each for one stream or wait."""

    def __init__(self, number: int, what: str) -> None:
        self._number = number
        self._what = what
        self._free = threading.BoundedSemaphore(number)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Take a place for the length of the block. Raises TooManyStreams when there is none."""
        if not self._free.acquire(blocking=False):
            raise TooManyStreams(
                f"This process holds {self._number} {self._what}, as many as its limit on open files allows."
            )
        try:
            yield
        finally:
            self._free.release()


class BatchLine:
    """Batches are worked on one at a time, in the order in which they arrived.

    All other requests then have their turns beside one batch and not beside many.
    """

    def __init__(self, most_waiting: int = MOST_BATCHES_WAITING) -> None:
        self._most_waiting = most_waiting
        self._lock = threading.Lock()
        self._line: deque[threading.Event] = deque()
        """The first one has its turn."""

    def require_room(self) -> None:
        """Raises Overloaded when too many wait already."""
        if len(self._line) > self._most_waiting:
            raise Overloaded(
                f"{self._most_waiting} batches wait in this process already. Nothing of this "
                "one was stored. Send it again after Retry-After."
            )

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for the turn and keep it for the length of the block.

        Raises Overloaded at once when too many wait already.
        """
        mine = threading.Event()
        with self._lock:
            self.require_room()
            self._line.append(mine)
            self._line[0].set()
        try:
            mine.wait()
            yield
        finally:
            with self._lock:
                self._line.remove(mine)
                if self._line:
                    self._line[0].set()


@dataclass(frozen=True)
class LongAnswers:
    """The places for responses that hold their connection for long."""

    streams: Places
    waits: Places

    @classmethod
    def within(cls, capacity: Capacity) -> Self:
        return cls(Places(capacity.streams, "streams"), Places(capacity.waits, "waits"))


def long_answers() -> LongAnswers:
    """Return the places of the current application."""
    found: LongAnswers = current_app.extensions["long_answers"]
    return found


def batch_line() -> BatchLine:
    """Return the line of batches of the current application."""
    found: BatchLine = current_app.extensions["batch_line"]
    return found
