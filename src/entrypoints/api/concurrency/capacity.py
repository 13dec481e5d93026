"""Limits on the requests, waits and streams that one process of the API holds at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from flask import current_app

RESERVED_DESCRIPTORS = 100
"""File descriptors for files, the listening socket and up to 66 connections to Redis."""
MIN_DESCRIPTORS = 128
"""Lowest limit on open files with which the API starts."""
MAX_CONNECTIONS = 10_000
"""Limit on the requests of one process at once."""
MAX_STREAMS = 5_000
"""Limit on the streams of one process at once. Each takes about 26 KB."""


class TooManyStreams(Exception):
    """The process has no room or no file descriptor for another stream or wait."""


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """Shares of the file descriptors of one process, which no client can exceed.

    Streams have their own share, since they leave the request that opened them
    (docs/decisions/0011). The connections that are neither pending nor waits are for requests that
    are being served.
    """

    connections: int
    """Limit on open connections, pending ones and waits included."""
    pending: int
    """Limit on connections that wait for their client."""
    waits: int
    """Limit on requests that wait for a task to become final."""
    streams: int
    """Limit on open event streams."""

    @classmethod
    def of(cls, descriptors: int) -> Self:
        """Return the shares for a limit on open files, which is at least MIN_DESCRIPTORS."""
        free = descriptors - RESERVED_DESCRIPTORS
        connections = min(MAX_CONNECTIONS, free // 2)
        return cls(
            connections=connections,
            pending=connections // 2,
            waits=connections // 4,
            streams=min(MAX_STREAMS, free - connections),
        )


class Slots:
    """A limited number of slots, each for one stream or wait."""

    def __init__(self, number: int, kind: str) -> None:
        """`kind` is the plural of what a slot holds, for messages."""
        self._number = number
        self._kind = kind
        self._free = threading.BoundedSemaphore(number)

    @contextmanager
    def occupied(self) -> Iterator[None]:
        """Occupy a slot during the block. Raises TooManyStreams when none is free."""
        if not self._free.acquire(blocking=False):
            raise TooManyStreams(
                f"This process holds {self._number} {self._kind}, as many as it and its limit on "
                "open files allow."
            )
        try:
            yield
        finally:
            self._free.release()


@dataclass(frozen=True)
class LongResponses:
    """The slots for responses that hold their connection for long."""

    streams: Slots
    waits: Slots

    @classmethod
    def within(cls, capacity: Capacity) -> Self:
        return cls(Slots(capacity.streams, "streams"), Slots(capacity.waits, "waits"))


def long_responses() -> LongResponses:
    """Return the slots of the current application."""
    found: LongResponses = current_app.extensions["long_responses"]
    return found
