"""The events that wait for one follower of the stream."""

import threading
from collections import deque
from collections.abc import Callable

from application.ports.event_stream import (
    FollowerTooSlow,
    StreamEnded,
    StreamGap,
    Subscription,
    TaskEvent,
)

MAX_WAITING_EVENTS = 5_000
"""A follower for whom more events wait is dropped, and may resume."""
MAX_WAITING_BYTES = 8 * 1024 * 1024
"""The same limit for the bytes of these events in Redis.

A batch of tasks of the default size limit fits. Events that wait for several followers are shared.
"""


class RedisSubscription(Subscription):
    def __init__(
        self, drop: Callable[["RedisSubscription"], None], raw_id: bytes | None, position: str
    ) -> None:
        """`drop` ends the subscription. `raw_id` names the followed task; None follows all."""
        self.position = position
        self.raw_id = raw_id
        self._drop = drop
        self._changed = threading.Condition(threading.Lock())
        self._waiting: deque[tuple[TaskEvent, int]] = deque()
        self._bytes = 0
        self._notice: StreamGap | StreamEnded | None = None
        """Raised before the events that wait."""

    def next(self, seconds: float) -> TaskEvent | None:
        with self._changed:
            self._changed.wait_for(lambda: self._notice or self._waiting, timeout=seconds)
            if notice := self._notice:
                if isinstance(notice, StreamGap):
                    self._notice = None
                raise notice
            if not self._waiting:
                return None
            event, size = self._waiting.popleft()
            self._bytes -= size
            return event

    def close(self) -> None:
        self._drop(self)

    def put(self, event: TaskEvent, size: int) -> None:
        """Add an event of `size` bytes. Only the reader of the stream calls this."""
        with self._changed:
            self._waiting.append((event, size))
            self._bytes += size
            too_slow = len(self._waiting) > MAX_WAITING_EVENTS or self._bytes > MAX_WAITING_BYTES
            self._changed.notify()
        if too_slow:
            self._drop(self)
            self.interrupt(FollowerTooSlow())

    def interrupt(self, notice: StreamGap | StreamEnded) -> None:
        """Drop what waits and raise the notice in `next`: once for a gap, always for an end."""
        with self._changed:
            if not isinstance(self._notice, StreamEnded):
                self._notice = notice
            self._waiting.clear()
            self._bytes = 0
            self._changed.notify()
