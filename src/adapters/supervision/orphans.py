"""Kills what dead children of the pool left behind. The kernel makes it children of the worker."""

import time

from adapters.supervision.children import Children
from adapters.supervision.descendants import children, kill_and_reap

KNOWN_AFTER_SECONDS = 1.0
"""Age at which a child that the pool has started is surely in the pool's list."""
SEARCH_SECONDS = 3.0
"""Time for which to search after the death of a child. A search reads all of /proc."""


class Orphans:
    """Finds all descendants of dead children, also daemons that left the child's process group."""

    def __init__(self, pool_children: Children) -> None:
        self._pool_children = pool_children
        self._seen: dict[int, float] = {}
        """Time at which each foreign process was first seen, by process id."""
        self._search_until = 0.0

    def start_search(self) -> None:
        """Search for 3 seconds from now on. Call when a child has died."""
        self._search_until = time.monotonic() + SEARCH_SECONDS

    def end(self) -> None:
        """Kill the processes that have been here for a second and never belonged to the pool."""
        now = time.monotonic()
        if now > self._search_until and not self._seen:
            return
        strangers = children() - self._pool_children.known()
        self._seen = {pid: self._seen.get(pid, now) for pid in strangers}
        for pid, since in self._seen.items():
            if now - since >= KNOWN_AFTER_SECONDS:
                kill_and_reap(pid)
