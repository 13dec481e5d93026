"""Lines in which requests wait that take long or much memory, so that few of them run at once."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from flask import current_app

from entrypoints.api.concurrency.batch_line import MAX_WAITING_BATCHES, Overloaded
from entrypoints.api.concurrency.capacity import Capacity
from entrypoints.api.concurrency.client_socket import end_if_client_left

MAX_LONG_READS = 8
"""Limit on requests at once that read hundreds of small things, which take a megabyte or more."""
MAX_SEARCHES = 4
"""Limit on requests at once that read tasks to find some, which takes seconds."""
MAX_COMBINED = 8
"""Limit on searches at once by several filters, which walk up to 50,000 entries of indexes."""
MAX_ACTIONS = 4
"""Limit on actions at once: each takes seconds, and holds hundreds of tasks."""
MAX_USUAL_VALUES = 2_000
"""Limit on the list elements and object members of a body that does not wait for a turn."""
MAX_LARGE_BODIES = 8
"""Limit on larger bodies at once: one takes megabytes when it is parsed."""
MAX_WAITING_BODIES = 64
"""Limit on such bodies that wait, each of at most TASKS_MAX_BODY_BYTES."""


class WorkLine:
    """Gives a few requests at a time their turn.

    Those that wait hold a connection and little else. Other requests need connections, too, so the
    line has an end.
    """

    def __init__(
        self,
        kind: str,
        at_once: int,
        max_waiting: int,
        after_wait: Callable[[], None] = lambda: None,
    ) -> None:
        """`kind` is the plural of what waits, for messages.

        `after_wait` is called when one that had to wait has its turn. It may raise an error.
        """
        self._kind = kind
        self._after_wait = after_wait
        self._limit = at_once + max_waiting
        self._lock = threading.Lock()
        self._number = 0
        self._turns = threading.Semaphore(at_once)

    def require_room(self) -> None:
        """Raise Overloaded when the line is full."""
        if self._number >= self._limit:
            raise Overloaded(
                f"{self._limit} {self._kind} run or wait in this process already. Nothing of this "
                "request was done. Send it again after Retry-After."
            )

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for the turn, and hold it during the block.

        Raises Overloaded when the line is full.
        """
        with self._lock:
            self.require_room()
            self._number += 1
        try:
            has_waited = not self._turns.acquire(blocking=False)
            if has_waited:
                self._turns.acquire()
            try:
                if has_waited:
                    self._after_wait()
                yield
            finally:
                self._turns.release()
        finally:
            with self._lock:
                self._number -= 1


@dataclass(frozen=True)
class WorkLines:
    """The lines of one process."""

    long_reads: WorkLine
    searches: WorkLine
    combined: WorkLine
    actions: WorkLine
    large_bodies: WorkLine

    @classmethod
    def within(cls, capacity: Capacity) -> Self:
        """Return lines that leave most of the connections to other requests.

        A client could fill a line with reads and leave at once: such reads are not begun.
        """
        waiting = capacity.connections // 24
        left = end_if_client_left
        return cls(
            WorkLine("long reads", MAX_LONG_READS, waiting, left),
            WorkLine("searches by task_name or q", MAX_SEARCHES, waiting, left),
            WorkLine("searches by several filters", MAX_COMBINED, waiting, left),
            # Their bodies wait as well.
            WorkLine("actions", MAX_ACTIONS, min(waiting, MAX_WAITING_BATCHES)),
            WorkLine(
                f"bodies of more than {MAX_USUAL_VALUES:,} JSON values",
                MAX_LARGE_BODIES,
                min(waiting // 2, MAX_WAITING_BODIES),
            ),
        )


def work_lines() -> WorkLines:
    """Return the lines of the current application."""
    found: WorkLines = current_app.extensions["work_lines"]
    return found
