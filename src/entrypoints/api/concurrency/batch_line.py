"""The order in which batches are processed, so that other requests get through beside them."""

import fcntl
import struct
import tempfile
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from mmap import mmap

from flask import current_app

MAX_WAITING_BATCHES = 16
"""Limit on the batches that wait in one process, each of at most TASKS_MAX_BATCH_BYTES."""
OTHERS_SECONDS = 1.0
"""Time after another request in which batches leave the server room for more of them."""
PAUSE_SECONDS = 0.004
"""Pause between two batches, so that another process gets its turn."""
POLL_SECONDS = 0.001
MAX_WAIT_SECONDS = 5.0
"""After this time a batch runs all the same: the process that has the turn may be stopped."""
WITHOUT_TURNS_SECONDS = 30.0
"""Time after such a run in which the batches of a process run without turns. gunicorn kills a
stopped process after 30 s."""


class Overloaded(Exception):
    """Too many requests of one kind wait in this process; nothing of this one was done."""


class BatchPace:
    """Lets one batch at a time run in all processes of a server while it serves other requests.

    Two batches at once leave these neither a CPU of two nor Redis: a batch of 1,000 takes 50 ms of
    a process and 30 ms of Redis. Batches that are alone run in each process at full speed.

    It is made before the processes are forked. One that dies gives up its turn.
    """

    def __init__(self) -> None:
        self._lock = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the server runs
        weakref.finalize(self, self._lock.close)
        self._without_turns_until = 0.0
        self._last_request = mmap(-1, struct.calcsize("d"))

    def note_other_request(self) -> None:
        """Note that this process serves a request that is no batch."""
        struct.pack_into("d", self._last_request, 0, time.monotonic())

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for the turn, 5 s at most, and hold it during the block.

        One batch of a process may ask at a time.
        """
        [last_request] = struct.unpack_from("d", self._last_request)
        now = time.monotonic()
        if now - last_request > OTHERS_SECONDS or now < self._without_turns_until:
            yield
            return
        while not (has_turn := self._take()) and time.monotonic() < now + MAX_WAIT_SECONDS:
            time.sleep(POLL_SECONDS)
        if not has_turn:
            self._without_turns_until = time.monotonic() + WITHOUT_TURNS_SECONDS
        try:
            yield
        finally:
            if has_turn:
                fcntl.lockf(self._lock, fcntl.LOCK_UN)
                time.sleep(PAUSE_SECONDS)

    def _take(self) -> bool:
        try:
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # POSIX allows both
            return False
        return True


class BatchLine:
    """A line in which batches wait, so that one at a time is processed, in the order of arrival.

    All other requests then share the process with one batch instead of many.
    """

    def __init__(
        self, pace: BatchPace | None = None, max_waiting: int = MAX_WAITING_BATCHES
    ) -> None:
        """`pace` is shared with the other processes of the server; by default there are none."""
        self._pace = pace or BatchPace()
        self._max_waiting = max_waiting
        self._lock = threading.Lock()
        self._line: deque[threading.Event] = deque()
        """Events of the batches in line. That of the first one is set: it has its turn."""

    def require_room(self) -> None:
        """Raise Overloaded when too many batches wait already."""
        if len(self._line) > self._max_waiting:
            raise Overloaded(
                f"{self._max_waiting} batches wait in this process already. Nothing of this "
                "one was stored. Send it again after Retry-After."
            )

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for the turn and hold it during the block.

        Raises Overloaded at once when too many batches wait already.
        """
        mine = threading.Event()
        with self._lock:
            self.require_room()
            self._line.append(mine)
            self._line[0].set()
        try:
            mine.wait()
            with self._pace.turn():
                yield
        finally:
            with self._lock:
                self._line.remove(mine)
                if self._line:
                    self._line[0].set()


def batch_line() -> BatchLine:
    """Return the line of batches of the current application."""
    found: BatchLine = current_app.extensions["batch_line"]
    return found
