"""Follows the stream of events: one reader a process feeds all who follow."""

import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import Any

import redis

from adapters.redis import keys
from adapters.redis.records import TaskRecords
from adapters.redis.store import RedisStore
from adapters.redis.task_codec import decode, id_bytes, unpack_record
from application.ports.event_stream import (
    EventStream,
    FollowerTooSlow,
    StreamEnded,
    StreamGap,
    Subscription,
    TaskEvent,
)
from domain.events import Event
from domain.task import Task

BLOCK_MS = 5_000
READ = 500
"""Entries that one command reads from the past."""
READ_LIVE = 500
"""Entries that the reader takes at once."""
DELIVERED_AT_ONCE = 100
"""Entries after which followers get their turn, so the limits below must exceed these."""
TURN_SECONDS = 0.001
"""The shortest wait in which a gevent worker serves its other greenlets."""
MOST_WAITING = 5_000
"""Events that may wait for one follower; one that is slower than that is dropped and may resume."""
MOST_WAITING_BYTES = 8 * 1024 * 1024
"""The same limit for the bytes of these events in Redis: a batch of tasks of the default size limit fits.

Followers share the events that wait for several of them.
"""
PAUSE_SECONDS = 0.2
BEGINNING = "0-0"
NO_STREAM = "no such key"
"""In the error by which Redis replies to XINFO."""
NUMBERS = 2**64
"""Both numbers of a position are below this."""

logger = logging.getLogger(__name__)

Entry = tuple[bytes, dict[bytes, bytes]]


class UnreadableEvent(Exception):
    """An event in the stream cannot be decoded: another version of the service wrote it, or it is damaged."""


class RedisSubscription(Subscription):
    def __init__(self, stream: "RedisEventStream", member: bytes | None, position: str) -> None:
        self.position = position
        self.member = member
        self._stream = stream
        self._changed = threading.Condition(threading.Lock())
        self._waiting: deque[tuple[TaskEvent, int]] = deque()
        self._bytes = 0
        self._notice: StreamGap | StreamEnded | None = None
        """Is raised before the events that wait."""

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
        self._stream.drop(self)

    def put(self, event: TaskEvent, size: int) -> None:
        """Called by the reader; `size` is in bytes."""
        with self._changed:
            self._waiting.append((event, size))
            self._bytes += size
            too_slow = len(self._waiting) > MOST_WAITING or self._bytes > MOST_WAITING_BYTES
            self._changed.notify()
        if too_slow:
            self._stream.drop(self)
            self.interrupt(FollowerTooSlow())

    def interrupt(self, notice: StreamGap | StreamEnded) -> None:
        """Drop what waits and raise the notice in `next`: once for a gap, always for an end."""
        with self._changed:
            if not isinstance(self._notice, StreamEnded):
                self._notice = notice
            self._waiting.clear()
            self._bytes = 0
            self._changed.notify()


class RedisEventStream(EventStream):
    """The reader starts with the first follower and ends after the last."""

    def __init__(self, store: RedisStore, blocking_client: redis.Redis) -> None:
        self._store = store
        self._records = TaskRecords(store)
        self._blocking_client: Any = blocking_client
        self._lock = threading.RLock()
        self._followers: dict[bytes | None, set[RedisSubscription]] = defaultdict(set)
        self._reader: threading.Thread | None = None
        self._position = BEGINNING
        self._closed = False

    def subscribe(self, task_id: str | None = None) -> Subscription:
        with self._lock:
            if self._closed:
                raise StreamEnded
            if self._reader is None:
                self._position = self._last_position()
                self._reader = threading.Thread(target=self._read_on, name="event-reader", daemon=True)
                self._reader.start()
            member = id_bytes(task_id) if task_id else None
            subscription = RedisSubscription(self, member, self._position)
            self._followers[member].add(subscription)
            return subscription

    def drop(self, subscription: RedisSubscription) -> None:
        with self._lock:
            self._followers[subscription.member].discard(subscription)
            if not self._followers[subscription.member]:
                del self._followers[subscription.member]

    def keeps(self, position: str) -> bool:
        asked = order(position)
        with self._store.client() as client:
            [info] = _replies(client.pipeline(transaction=False).xinfo_stream(keys.EVENTS))
        return _keeps(info, asked)

    def between(self, after: str, until: str, task_id: str | None, *, limit: int) -> Sequence[TaskEvent]:
        member = id_bytes(task_id) if task_id else None
        found: list[TaskEvent] = []
        count = READ if member else min(READ, limit)
        after = "{}-{}".format(*order(after))
        while len(found) < limit:
            with self._store.client() as client:
                entries = client.xrange(keys.EVENTS, f"({after}", until, count=count)
            if not self.keeps(after):  # Redis passes in silence over what it dropped meanwhile
                raise StreamGap(until)
            try:
                found += [_event(entry) for entry in entries if member in (None, entry[1].get(b"id", member))]
            except UnreadableEvent as error:
                raise StreamGap(until) from error
            if len(entries) < count:
                break
            after = entries[-1][0].decode()
        return found[:limit]

    def snapshot(self, task_id: str) -> tuple[Task | None, str]:
        member = id_bytes(task_id)
        return self._records.short_with_position(member) if member else (None, BEGINNING)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for follower in self._all():
                follower.interrupt(StreamEnded())

    def _last_position(self) -> str:
        with self._store.client() as client:
            last = client.xrevrange(keys.EVENTS, count=1)
        return last[0][0].decode() if last else BEGINNING

    def _read_on(self) -> None:
        """Until nobody follows. What the connection loses is read after it.

        After each read it looks whether the position is still kept: Redis passes in silence over entries
        that it dropped before they were read.
        """
        whole = True
        while self._is_followed():
            try:
                if not whole and not self.keeps(self._position):
                    self._tell_of_gap()
                entries, whole = self._next_entries()
                if whole:
                    self._deliver_in_parts(entries)
            except Exception as error:
                whole = False
                logger.warning("Cannot read events: %s", error, extra={"action": "events_unread"})
                time.sleep(PAUSE_SECONDS)

    def _next_entries(self) -> tuple[list[Entry], bool]:
        """Wait for entries. Return them, and whether none between the position and them was dropped.

        One round trip: each one waits for the batches that this process and Redis work on.
        """
        pipeline = self._blocking_client.pipeline(transaction=False)
        pipeline.xread({keys.EVENTS: self._position}, count=READ_LIVE, block=BLOCK_MS)
        answer, info = _replies(pipeline.xinfo_stream(keys.EVENTS))
        entries = [entry for _, entries in _streams(answer) for entry in entries]
        return entries, not entries or _keeps(info, order(self._position))

    def _is_followed(self) -> bool:
        with self._lock:
            followed = bool(self._followers) and not self._closed
            if not followed:
                self._reader = None
            return followed

    def _deliver_in_parts(self, entries: Sequence[Entry]) -> None:
        for following in range(DELIVERED_AT_ONCE, len(entries) + DELIVERED_AT_ONCE, DELIVERED_AT_ONCE):
            concerned = self._deliver(entries[following - DELIVERED_AT_ONCE : following])
            if concerned and following < len(entries):
                time.sleep(TURN_SECONDS)

    def _deliver(self, entries: Sequence[Entry]) -> bool:
        """Return whether an entry concerned a follower."""
        concerned = False
        with self._lock:
            for entry in entries:
                followers = self._followers_of(entry[1].get(b"id"))
                self._position = entry[0].decode()
                if followers:
                    concerned = True
                    self._deliver_to(followers, entry)
        return concerned

    def _deliver_to(self, followers: Sequence[RedisSubscription], entry: Entry) -> None:
        try:
            event = _event(entry)
        except UnreadableEvent as error:
            logger.warning("Cannot read an event: %s", error, extra={"action": "event_unreadable"})
            for follower in followers:
                follower.interrupt(StreamGap(self._position))
            return
        size = sum(map(len, entry[1].values()))
        for follower in followers:
            follower.put(event, size)

    def _tell_of_gap(self) -> None:
        with self._lock:
            self._position = self._last_position()
            for follower in self._all():
                follower.interrupt(StreamGap(self._position))

    def _followers_of(self, member: bytes | None) -> list[RedisSubscription]:
        """The followers of this task and of all tasks; everybody for an event that names no task."""
        if member is None:
            return self._all()
        return [*self._followers.get(member, ()), *self._followers.get(None, ())]

    def _all(self) -> list[RedisSubscription]:
        return [follower for followers in self._followers.values() for follower in followers]


def _replies(pipeline: Any) -> list[Any]:
    """Return the replies; None stands for a stream that does not exist. Raises RedisError."""
    replies: list[Any] = pipeline.execute(raise_on_error=False)
    for at, reply in enumerate(replies):
        if isinstance(reply, redis.ResponseError) and NO_STREAM in str(reply):
            replies[at] = None
        elif isinstance(reply, Exception):
            raise reply
    return replies


def _keeps(info: dict[str, Any] | None, asked: tuple[int, int]) -> bool:
    """Return whether the stream still has every event after that position."""
    if info is None:
        return asked == order(BEGINNING)
    if asked > order(info["last-generated-id"]) or max(asked) >= NUMBERS:
        return False
    first = info["first-entry"]
    nothing_dropped = info["entries-added"] == info["length"]
    return nothing_dropped or bool(first and asked >= order(first[0]))


def order(position: str | bytes) -> tuple[int, int]:
    """Return the two numbers of a position, at most 2**64 each. Raises ValueError for what is no position."""
    text = position.decode() if isinstance(position, bytes) else position
    milliseconds, _, number = text.partition("-")
    if not (milliseconds.isascii() and milliseconds.isdigit() and number.isascii() and number.isdigit()):
        raise ValueError(f"not a position in the stream of events: {text!r}")
    return _bounded(milliseconds), _bounded(number)


def _bounded(digits: str) -> int:
    """Python refuses to read thousands of digits, so a number that is too large becomes the least of these."""
    significant = digits.lstrip("0")
    return min(int(significant or "0"), NUMBERS) if len(significant) <= len(str(NUMBERS)) else NUMBERS


def _event(entry: Entry) -> TaskEvent:
    """Raises UnreadableEvent, whatever is wrong with the entry: one bad event must not end the reader of all."""
    position, fields = entry
    try:
        return TaskEvent(
            position=position.decode(),
            event=Event(fields[b"event"].decode()),
            task=decode(fields[b"id"], unpack_record(fields[b"record"])),
        )
    except Exception as error:
        raise UnreadableEvent(f"{position.decode()}: {type(error).__name__}: {error}") from error


def _streams(answer: Any) -> Iterable[tuple[bytes, Sequence[Entry]]]:
    """RESP3 answers a mapping, RESP2 a list of pairs."""
    if not answer:
        return []
    if isinstance(answer, dict):
        return [
            (name, entries[0] if entries and isinstance(entries[0], list) else entries)
            for name, entries in answer.items()
        ]
    return list(answer)
