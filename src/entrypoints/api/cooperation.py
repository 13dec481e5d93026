"""Cooperative scheduling: a request that computes for long lets the others of its process run."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from gevent import getcurrent, sleep

SLICE_SECONDS = 0.005
PAUSE_SECONDS = 0.001
"""The shortest wait of the event loop. sleep(0) is no wait: gevent resumes up to 50 such greenlets before it looks at
sockets and timers again, the same one 50 times when it is alone."""
T = TypeVar("T")


class TimeSlice:
    """The time for which a greenlet may compute before the others get their turn."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began = 0.0

    def yield_when_over(self) -> None:
        """Run the other greenlets when the slice is over. Do nothing outside of a gevent worker."""
        if getcurrent().parent is None:
            return
        if time.monotonic() - self._began >= self._seconds:
            sleep(PAUSE_SECONDS)
            self._began = time.monotonic()


let_others_run = TimeSlice(SLICE_SECONDS).yield_when_over


def paced(items: Iterable[T]) -> Iterator[T]:
    """Return the same items; other greenlets may run before each of them."""
    for item in items:
        let_others_run()
        yield item
