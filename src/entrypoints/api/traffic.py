"""Count the requests of all processes of a server, in memory that they share."""

import fcntl
import re
import struct
import tempfile
import weakref
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from mmap import mmap
from os import getpid
from typing import NamedTuple

from flask import Flask, current_app

from entrypoints.api.problems.catalogue import PROBLEM_TYPES

BOUNDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the buckets of durations in seconds; the last bucket has none."""
STATUSES = sorted({200, 202, 204, 206, 302, 304, *(each.status for each in PROBLEM_TYPES.values())})
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
UNMATCHED = "unmatched"
"""The route of requests to paths that no route has, and of methods that a route lacks."""
OTHER = "other"
MAX_PROCESSES = 128
"""Twice the processes that the API may have. A process without a part of its own counts nothing."""
CELL_BYTES = 8

Key = tuple[str | None, str]
"""The endpoint and method of a request; without an endpoint, no route has taken it."""


@dataclass(frozen=True, kw_only=True)
class RouteTraffic:
    """The requests of one route and method."""

    route: str
    method: str
    by_status: Mapping[str, int]
    buckets: Sequence[int]
    """Number of requests by duration: one for each of BOUNDS, and one for longer ones."""
    seconds: float


class TrafficReading(NamedTuple):
    routes: Sequence[RouteTraffic]
    """Routes with a request at least."""
    problems: Mapping[str, int]
    """Number of responses by the code of their problem."""
    position: str | None
    """The position up to which every process with followers has read events; None without any."""


class Traffic:
    """Counters in shared memory: made before the processes of a server are forked.

    Each process counts in a part of its own, without locks, in less than a microsecond. The part of
    a process that has died goes to the next one, which counts on. A lock on one byte of a file says
    whose part it is, since the kernel frees it when a process dies.

    The threads of a process must not count at the same time; greenlets do not.
    """

    def __init__(self, routes: Mapping[str, tuple[str, Iterable[str]]]) -> None:
        """`routes` has the route and the methods of each endpoint."""
        self._keys: list[tuple[str, str]] = [(UNMATCHED, each) for each in (*METHODS, OTHER)]
        places: dict[Key, int] = {(None, each): at for at, (_, each) in enumerate(self._keys)}
        for endpoint, (route, methods) in routes.items():
            for method in sorted(methods):
                places[endpoint, method] = len(self._keys)
                self._keys.append((route, method))
        self._rows = {key: at * ROW for key, at in places.items()}
        self._unmatched = self._rows[None, OTHER]
        self._problems = {code: len(places) * ROW + at for at, code in enumerate(PROBLEM_TYPES)}
        self._own = len(places) * ROW + len(PROBLEM_TYPES)
        """The cells of the process: whether its part was ever used, and the position."""
        self._size = self._own + OWN_CELLS
        self._memory = mmap(-1, MAX_PROCESSES * self._size * CELL_BYTES)
        whole = memoryview(self._memory)
        self._cells, self._seconds = whole.cast("Q"), whole.cast("d")
        self._locks = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the server runs
        weakref.finalize(self, self._locks.close)
        self._part = self._pid = self._first = -1

    def count(self, endpoint: str | None, method: str, status: int, seconds: float) -> None:
        """Count a response."""
        row = self._rows.get((endpoint, method))
        if row is None:
            row = self._rows.get((None, method), self._unmatched)
        row += self._first if self._pid == getpid() else self._first_cell()
        self._cells[row + STATUS_PLACES.get(status, OTHER_STATUS)] += 1
        self._cells[row + FIRST_BUCKET + bisect_left(BOUNDS, seconds)] += 1
        self._seconds[row + SECONDS] += seconds

    def count_problem(self, code: str) -> None:
        """Count a response that is a problem, or one to bytes that were no request."""
        self._cells[self._first_cell() + self._problems[code]] += 1

    def note_position(self, position: str | None) -> None:
        """Note up to which position this process has read events; None when nobody follows."""
        own = self._first_cell() + self._own
        milliseconds, number = map(int, position.split("-")) if position else (0, 0)
        struct.pack_into(
            "QQQ", self._memory, (own + 1) * CELL_BYTES, position is not None, milliseconds, number
        )

    def read(self) -> TrafficReading:
        """Return the sums over all processes since the server was started."""
        parts = [part for part in range(MAX_PROCESSES) if self._cells[self._cell(part)]]
        counts = [sum(column) for column in zip(*map(self._counts, parts), strict=True)]
        seconds = [
            sum(self._seconds[part * self._size + at] for part in parts)
            for at in range(SECONDS, self._own - len(self._problems), ROW)
        ]
        rows = [counts[at : at + ROW] for at in range(0, len(self._keys) * ROW, ROW)]
        return TrafficReading(
            routes=[
                _route_traffic(key, row, total)
                for key, row, total in zip(self._keys, rows, seconds, strict=False)
                if any(row[:FIRST_BUCKET])
            ],
            problems={code: counts[at] for code, at in self._problems.items() if counts},
            position=self._least_position(parts),
        )

    def _first_cell(self) -> int:
        """Return the place of the part of this process. It takes a free one at the first call."""
        if self._pid != getpid():
            self._pid = getpid()
            free = (part for part in range(MAX_PROCESSES) if self._lock(part))
            self._part = next(free, MAX_PROCESSES - 1)
            self._first = self._part * self._size
            self._cells[self._cell(self._part)] = 1
            self.note_position(None)  # that of a dead process
        return self._first

    def _cell(self, part: int) -> int:
        """Return the place of the first cell of the process itself."""
        return part * self._size + self._own

    def _counts(self, part: int) -> list[int]:
        begin = part * self._size
        return self._cells[begin : begin + self._own].tolist()

    def _least_position(self, parts: Sequence[int]) -> str | None:
        found = []
        for part in parts:
            is_set, *position = self._cells[self._cell(part) + 1 : self._cell(part) + OWN_CELLS]
            if is_set and self._is_alive(part):
                found.append(position)
        return "{}-{}".format(*min(found)) if found else None

    def _is_alive(self, part: int) -> bool:
        if part == self._part and self._pid == getpid():
            return True
        if is_free := self._lock(part):
            fcntl.lockf(self._locks, fcntl.LOCK_UN, 1, part)
        return not is_free

    def _lock(self, part: int) -> bool:
        try:
            fcntl.lockf(self._locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, part)
        except (BlockingIOError, PermissionError):  # POSIX allows both
            return False
        return True


STATUS_PLACES = {status: at for at, status in enumerate(STATUSES)}
OTHER_STATUS = len(STATUSES)
FIRST_BUCKET = OTHER_STATUS + 1
SECONDS = FIRST_BUCKET + len(BOUNDS) + 1
ROW = SECONDS + 1
"""The cells of a route and method: by status, by duration, and the sum of the durations."""
OWN_CELLS = 4


def traffic_of(app: Flask) -> Traffic:
    """Return counters for the routes of an application, as the specification writes them."""
    routes: dict[str, tuple[str, set[str]]] = {}
    for rule in app.url_map.iter_rules():
        route = re.sub(r"<(?:[^<>:]+:)?([^<>]+)>", r"{\1}", rule.rule)
        _, methods = routes.setdefault(rule.endpoint, (route, set()))
        methods |= rule.methods or set()
    return Traffic(routes)


def traffic() -> Traffic:
    """Return the counters of the current application."""
    found: Traffic = current_app.extensions["traffic"]
    return found


def _route_traffic(key: tuple[str, str], row: Sequence[int], seconds: float) -> RouteTraffic:
    route, method = key
    names = (*map(str, STATUSES), OTHER)
    return RouteTraffic(
        route=route,
        method=method,
        by_status={name: number for name, number in zip(names, row, strict=False) if number},
        buckets=row[FIRST_BUCKET:SECONDS],
        seconds=seconds,
    )
