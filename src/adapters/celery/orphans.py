"""Ends what dead children of the pool left behind: the kernel makes it children of the worker's parent."""

import time

from adapters.celery.child_watch import Children
from adapters.supervision.descendants import children, kill_and_reap

KNOWN_AFTER_SECONDS = 1.0
"""A new child of the pool is in the pool's list by then."""
SEARCH_SECONDS = 3.0
"""A search reads /proc, so it goes on only for this long after the death of a child."""


class Orphans:
    """Finds daemons, too: descendants that left the process group of the child."""

    def __init__(self, pool: Children) -> None:
        self._pool = pool
        self._seen: dict[int, float] = {}
        self._search_until = 0.0

    def expect(self) -> None:
        """A child has died; what it started may be here now."""
        self._search_until = time.monotonic() + SEARCH_SECONDS

    def end(self) -> None:
        """Kill those that have been here for a second and never belonged to the pool."""
        now = time.monotonic()
        if now > self._search_until and not self._seen:
            return
        self._seen = {pid: self._seen.get(pid, now) for pid in children() - self._pool.known()}
        for pid, since in self._seen.items():
            if now - since >= KNOWN_AFTER_SECONDS:
                kill_and_reap(pid)
