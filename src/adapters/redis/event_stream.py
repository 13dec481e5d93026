"""Follows the stream of events: one reader a process feeds all who follow."""

import logging
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import redis

from adapters.redis import keys
from adapters.redis.client import RedisStore
from adapters.redis.task_codec import PAYLOAD, RESULT, decode, id_bytes, unpacked
from application.ports.event_stream import EventStream, StreamEnded, StreamGap, Subscription, TaskEvent
from domain.events import Event
from domain.task import Task

BLOCK_MS = 5_000
READ = 500
"""Entries that one command reads."""
MOST_WAITING = 10_000
"""Events that may wait for one follower; one that is slower than that is dropped and may resume."""
PAUSE_SECONDS = 0.2
BEGINNING = "0-0"

logger = logging.getLogger(__name__)

Entry = tuple[bytes, dict[bytes, bytes]]


class RedisSubscription(Subscription):
    def __init__(self, stream: "RedisEventStream", member: bytes | None, position: str) -> None:
        self.position = position
        self.member = member
        self._stream = stream
        self._waiting: queue.SimpleQueue[TaskEvent | Exception] = queue.SimpleQueue()

    def next(self, seconds: float) -> TaskEvent | None:
        try:
            item = self._waiting.get(timeout=seconds)
        except queue.Empty:
            return None
        if isinstance(item, Exception):
            raise item
        return item

    def close(self) -> None:
        self._stream.drop(self)

    def put(self, item: TaskEvent | Exception) -> None:
        """By the reader."""
        if self._waiting.qsize() >= MOST_WAITING:
            self._stream.drop(self)
            item = StreamEnded()
        self._waiting.put(item)


OMITTED = {PAYLOAD: "payload", RESULT: "result"}


class RedisEventStream(EventStream):
    """The reader starts with the first follower and ends after the last."""

    def __init__(self, store: RedisStore, blocking_client: redis.Redis) -> None:
        self._store = store
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
            if not client.exists(keys.EVENTS):
                return asked == order(BEGINNING)
            info = client.xinfo_stream(keys.EVENTS)
        if asked > order(info["last-generated-id"]):
            return False
        first = info["first-entry"]
        nothing_dropped = info["entries-added"] == info["length"]
        return nothing_dropped or bool(first and asked >= order(first[0]))

    def between(self, after: str, until: str, task_id: str | None, *, limit: int) -> Sequence[TaskEvent]:
        member = id_bytes(task_id) if task_id else None
        found: list[TaskEvent] = []
        while len(found) < limit:
            with self._store.client() as client:
                entries = client.xrange(keys.EVENTS, f"({after}", until, count=READ)
            found += [_event(entry) for entry in entries if member in (None, entry[1][b"id"])]
            if len(entries) < READ:
                break
            after = entries[-1][0].decode()
        return found[:limit]

    def snapshot(self, task_id: str) -> tuple[Task | None, str]:
        member = id_bytes(task_id)
        if member is None:
            return None, BEGINNING
        with self._store.client() as client:
            transaction = client.pipeline()
            transaction.hgetall(keys.RECORD_PREFIX + member)
            transaction.xrevrange(keys.EVENTS, count=1)
            record, last = transaction.execute()
        position = last[0][0].decode() if last else BEGINNING
        return decode(member, record) if record else None, position

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for follower in self._all():
                follower.put(StreamEnded())

    def _last_position(self) -> str:
        with self._store.client() as client:
            last = client.xrevrange(keys.EVENTS, count=1)
        return last[0][0].decode() if last else BEGINNING

    def _read_on(self) -> None:
        """Until nobody follows. What the connection loses is read after it."""
        whole = True
        while self._is_followed():
            try:
                if not whole and not self.keeps(self._position):
                    self._tell_of_gap()
                answer = self._blocking_client.xread({keys.EVENTS: self._position}, count=READ, block=BLOCK_MS)
                whole = True
                self._deliver([entry for _, entries in _streams(answer) for entry in entries])
            except Exception as error:
                whole = False
                logger.warning("Cannot read events: %s", error, extra={"action": "events_unread"})
                time.sleep(PAUSE_SECONDS)

    def _is_followed(self) -> bool:
        with self._lock:
            followed = bool(self._followers) and not self._closed
            if not followed:
                self._reader = None
            return followed

    def _deliver(self, entries: Sequence[Entry]) -> None:
        with self._lock:
            for entry in entries:
                followers = [
                    *self._followers.get(entry[1][b"id"], ()),
                    *self._followers.get(None, ()),
                ]
                if followers:
                    event = _event(entry)
                    for follower in followers:
                        follower.put(event)
                self._position = entry[0].decode()

    def _tell_of_gap(self) -> None:
        with self._lock:
            self._position = self._last_position()
            for follower in self._all():
                follower.put(StreamGap())

    def _all(self) -> list[RedisSubscription]:
        return [follower for followers in self._followers.values() for follower in followers]


def order(position: str | bytes) -> tuple[int, int]:
    """Raises ValueError for what is no position."""
    text = position.decode() if isinstance(position, bytes) else position
    milliseconds, _, number = text.partition("-")
    if not (milliseconds.isascii() and milliseconds.isdigit() and number.isascii() and number.isdigit()):
        raise ValueError(f"not a position in the stream of events: {text!r}")
    return int(milliseconds), int(number)


def _event(entry: Entry) -> TaskEvent:
    position, fields = entry
    record = unpacked(fields[b"record"])
    return TaskEvent(
        position=position.decode(),
        event=Event(fields[b"event"].decode()),
        task=decode(fields[b"id"], record),
        omitted=tuple(name for field, name in OMITTED.items() if field in record.get(b"omitted", b"")),
    )


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
