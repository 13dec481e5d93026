"""The events that wait for one follower of the stream."""

import threading
from collections import deque
from collections.abc import Callable

from adapters.redis.stream_entries import Entry, StoredEvent, UnreadableEvent
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
        self,
        drop: Callable[["RedisSubscription"], None],
        event_of: Callable[[Entry], TaskEvent],
        raw_id: bytes | None,
        position: str,
        let_others_run: Callable[[], None] = lambda: None,
    ) -> None:
        """`drop` ends the subscription. `raw_id` names the followed task; None follows all.

        `event_of` decodes an entry, or raises UnreadableEvent. `let_others_run` is called after
        each wait, since thousands of followers may wake up at once.
        """
        self.position = position
        self.raw_id = raw_id
        self._drop = drop
        self._event_of = event_of
        self._let_others_run = let_others_run
        self._changed = threading.Condition(threading.Lock())
        self._waiting: deque[StoredEvent] = deque()
        """Decoded, they would be 20 times larger."""
        self.waiting_bytes = 0
        self._notice: StreamGap | StreamEnded | None = None
        """Raised before the events that wait."""

    def next(self, seconds: float) -> TaskEvent | None:
        with self._changed:
            self._changed.wait_for(lambda: self._notice or self._waiting, timeout=seconds)
        self._let_others_run()
        with self._changed:
            if notice := self._notice:
                if isinstance(notice, StreamGap):
                    self._notice = None
                raise notice
            if not self._waiting:
                return None
            entry, size = self._waiting.popleft()
            self.waiting_bytes -= size
        try:
            return self._event_of(entry)
        except UnreadableEvent:
            raise StreamGap(self._skip_unreadable(entry)) from None

    def end(self) -> None:
        self.interrupt(StreamEnded())

    def close(self) -> None:
        self._drop(self)

    def put(self, event: StoredEvent) -> None:
        """Add an event. Only the reader of the stream calls this.

        A follower for whom events wait already needs no notice, which costs a switch of greenlets.
        """
        with self._changed:
            is_first = not self._waiting
            self._waiting.append(event)
            self.waiting_bytes += event.size
            number, size = len(self._waiting), self.waiting_bytes
            if is_first:
                self._changed.notify()
        if number > MAX_WAITING_EVENTS or size > MAX_WAITING_BYTES:
            self.end_as_too_slow()

    def end_as_too_slow(self) -> None:
        """Drop what waits, and raise FollowerTooSlow in `next`."""
        self._drop(self)
        self.interrupt(FollowerTooSlow())

    def interrupt(self, notice: StreamGap | StreamEnded) -> None:
        """Drop what waits and raise the notice in `next`: once for a gap, always for an end."""
        with self._changed:
            if not isinstance(self._notice, StreamEnded):
                self._notice = notice
            self._waiting.clear()
            self.waiting_bytes = 0
            self._changed.notify()

    def _skip_unreadable(self, unreadable: Entry) -> str:
        """Drop the unreadable events that follow, and return the position of the last one.

        Otherwise each of many unreadable events would be followed by all snapshots.
        """
        while True:
            with self._changed:
                following = self._waiting[0] if self._waiting else None
            if following is None or self._is_readable(following.entry):
                return unreadable[0].decode()
            unreadable, size = following
            with self._changed:
                if self._waiting and self._waiting[0] is following:
                    self._waiting.popleft()
                    self.waiting_bytes -= size

    def _is_readable(self, entry: Entry) -> bool:
        try:
            self._event_of(entry)
        except UnreadableEvent:
            return False
        return True
