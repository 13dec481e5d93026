"""Cooperative scheduling: a request that computes for long lets others of its process run."""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from gevent import Greenlet, get_hub, getcurrent, sleep, spawn
from gevent.event import Event

SLICE_SECONDS = 0.005
"""Time for which a process may compute before it looks at sockets and timers again."""
PAUSE_SECONDS = 0.001
"""The shortest wait of the event loop.

sleep(0) does not wait: gevent resumes up to 50 such greenlets before it looks at sockets and timers
again, and resumes the same one 50 times when it is alone.
"""
SHORT_TURNS = 3
"""Turns in a row for which a computation counts as short: it has used less than 20 ms."""
LONG_SHARE = 4
"""Every fourth turn is for a long computation."""
T = TypeVar("T")


class TimeSlice:
    """The time for which a process may compute before it looks at sockets and timers again.

    A slice begins with each turn of the event loop, so a request that waits for I/O need not yield.

    Greenlets that compute continue one after the other, as many as one slice suffices for, before
    the event loop looks at sockets and timers. Otherwise a cheap request would wait for a slice of
    each of hundreds of expensive ones, and the process would seem dead.

    Short computations pass long ones, which get every fourth turn at least. A greenlet that waited
    for I/O after its last turn begins a new computation if others had a turn meanwhile.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began = 0.0
        self._short: deque[_Turn] = deque()
        self._long: deque[_Turn] = deque()
        self._last: _Turn | None = None
        self._given = 0
        """Number of turns so far."""
        self._pacer: Greenlet | None = None
        self._hub: Any = None
        self._watcher: Any = None

    def yield_when_over(self) -> None:
        """Let other greenlets run when the slice is over. Do nothing outside of a gevent worker."""
        if getcurrent().parent is None:
            return
        if self._hub is not (hub := get_hub()):
            self._watch(hub)
        if self._is_over():
            me, last = getcurrent(), self._last
            number = last.number + 1 if last and last.greenlet is me else 1
            turn = _Turn(me, number)
            (self._short if number <= SHORT_TURNS else self._long).append(turn)
            if not self._pacer:
                self._pacer = spawn(self._give_turns)
            turn.begins.wait()

    def _is_over(self) -> bool:
        return time.monotonic() - self._began >= self._seconds

    def _watch(self, hub: Any) -> None:
        self._hub, self._watcher = hub, hub.loop.check(ref=False)
        self._watcher.start(self._begin)

    def _begin(self) -> None:
        self._began = time.monotonic()

    def _give_turns(self) -> None:
        while self._short or self._long:
            sleep(PAUSE_SECONDS)
            self._begin()
            self._give_turn()
            while (self._short or self._long) and not self._is_over():
                self._give_turn()
        self._last = None

    def _give_turn(self) -> None:
        self._given += 1
        is_for_long = not self._short or (self._long and self._given % LONG_SHARE == 0)
        self._last = (self._long if is_for_long else self._short).popleft()
        self._last.begins.set()
        sleep(0)


class _Turn:
    """A turn of a greenlet, which waits until it begins."""

    def __init__(self, greenlet: Any, number: int) -> None:
        """`number` counts the turns that the greenlet has in a row."""
        self.greenlet = greenlet
        self.number = number
        self.begins = Event()


let_others_run = TimeSlice(SLICE_SECONDS).yield_when_over


def paced(items: Iterable[T]) -> Iterator[T]:
    """Yield the same items. Other greenlets may run before each of them."""
    for item in items:
        let_others_run()
        yield item
