"""Follow the stream of events: one reader for each process feeds all followers."""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from operator import attrgetter
from typing import Any

import redis

from adapters.redis import keys
from adapters.redis.exchange import packed
from adapters.redis.id_codec import id_bytes
from adapters.redis.positions import BEGINNING, keeps_all_after, order
from adapters.redis.records import TaskRecords
from adapters.redis.replies import first_within, milliseconds
from adapters.redis.store import RedisStore
from adapters.redis.stream_entries import (
    DecodedEvents,
    Entry,
    StoredEvent,
    UnreadableEvent,
    decode_entry,
)
from adapters.redis.subscription import RedisSubscription
from application.ports.event_stream import (
    EventStream,
    StreamEnded,
    StreamGap,
    Subscription,
    TaskEvent,
)
from domain.task import Task

BLOCK_MS = 5_000
PAST_COUNT = 500
"""Entries that one command reads from the past, at most."""
MIN_PAST_COUNT = 50
"""Entries that the first command reads to find those of one task. Each further one reads twice as
many: the events of a task may stand together, or far apart."""
MAX_PAST_BYTES = 65_536
"""Limit on the bytes of past events that a follower holds until it takes them; one may have more.
The others are read again: thousands of followers may be slow."""
MAX_ALL_WAITING_BYTES = 256 * 1024 * 1024
"""Limit on the bytes of the events that wait for the followers of a process."""
LIVE_COUNT = 500
"""Entries that the reader takes at once."""
DELIVERY_COUNT = 100
"""Entries after which followers get a turn, so the limits of a subscription must exceed these."""
TURN_SECONDS = 0.001
"""The shortest wait in which a gevent worker serves its other greenlets."""
RETRY_SECONDS = 0.2
NO_STREAM = "no such key"
"""Text of the error by which Redis replies to XINFO for a stream that does not exist."""

WAITING_BYTES = attrgetter("waiting_bytes")

logger = logging.getLogger(__name__)


class RedisEventStream(EventStream):
    """The reader starts with the first follower and ends after the last."""

    def __init__(
        self,
        store: RedisStore,
        blocking_client: redis.Redis,
        let_others_run: Callable[[], None] = lambda: None,
        note_position: Callable[[str | None], None] = lambda _: None,
    ) -> None:
        """`let_others_run` is called between events, for a process that serves other requests.

        `note_position` gets the position up to which events were delivered; None when nobody
        follows any more.
        """
        self._store = store
        self._let_others_run = let_others_run
        self._note_position = note_position
        self._decoded = DecodedEvents(let_others_run)
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
                self._note_position(self._position)
                self._reader = threading.Thread(target=self._read, name="event-reader", daemon=True)
                self._reader.start()
            raw_id = id_bytes(task_id) if task_id else None
            subscription = RedisSubscription(
                self._drop, self._decoded.event_of, raw_id, self._position, self._let_others_run
            )
            self._followers[raw_id].add(subscription)
            return subscription

    def can_resume_after(self, position: str) -> bool:
        asked = order(position)
        with self._store.client() as client:
            [info] = _execute(client.pipeline(transaction=False).xinfo_stream(keys.EVENTS))
        return keeps_all_after(info, asked)

    def between(
        self, after: str, until: str, task_id: str | None, *, limit: int
    ) -> Iterator[TaskEvent]:
        raw_id = id_bytes(task_id) if task_id else None
        for entry in self._past(after, until, raw_id, limit):
            self._let_others_run()
            try:
                event = decode_entry(entry)
            except UnreadableEvent as error:
                raise StreamGap(until) from error
            yield event

    def snapshot(self, task_id: str) -> tuple[Task | None, str]:
        raw_id = id_bytes(task_id)
        return self._records.short_with_position(raw_id) if raw_id else (None, BEGINNING)

    def lag(self, position: str) -> float:
        after = "({}-{}".format(*order(position))
        commands = [packed("XRANGE", keys.EVENTS, after, "+", "COUNT", 1), packed("TIME")]
        entries, time = self._store.pipeline(commands)
        if not entries or isinstance(entries, Exception):
            return 0.0
        now = milliseconds(time)
        return max(now - order(entries[0][0])[0], 0) / 1000

    def close(self) -> None:
        with self._lock:
            self._closed = True
            followers = self._all_followers()
        for follower in followers:
            follower.interrupt(StreamEnded())

    def _past(self, after: str, until: str, raw_id: bytes | None, limit: int) -> Iterator[Entry]:
        """Return the entries of `between`. Raises StreamGap when one of them was dropped."""
        found: list[StoredEvent] = []
        count = min(PAST_COUNT, max(limit, MIN_PAST_COUNT) if raw_id else limit)
        after = "{}-{}".format(*order(after))
        while len(found) < limit and sum(each.size for each in found) < MAX_PAST_BYTES:
            with self._store.client() as client:
                entries = client.xrange(keys.EVENTS, f"({after}", until, count=count)
            # XRANGE skips entries that were dropped, without an error.
            if not self.can_resume_after(after):
                raise StreamGap(until)
            wanted = (entry for entry in entries if raw_id in (None, entry[1].get(b"id", raw_id)))
            found += map(StoredEvent.of, islice(wanted, limit - len(found)))
            if len(entries) < count:
                break
            after = entries[-1][0].decode()
            count = min(PAST_COUNT, 2 * count) if raw_id else count
        kept = first_within(MAX_PAST_BYTES, found, attrgetter("size"))
        return (event.entry for event in kept)

    def _drop(self, subscription: RedisSubscription) -> None:
        with self._lock:
            self._followers[subscription.raw_id].discard(subscription)
            if not self._followers[subscription.raw_id]:
                del self._followers[subscription.raw_id]

    def _last_position(self) -> str:
        with self._store.client() as client:
            last = client.xrevrange(keys.EVENTS, count=1)
        return last[0][0].decode() if last else BEGINNING

    def _read(self) -> None:
        """Read and deliver events until nobody follows. Continue after a lost connection.

        Check after each read whether the stream still has the position: XREAD skips entries that
        were dropped before they were read, without an error.
        """
        complete = True
        while self._is_followed():
            try:
                if not complete and not self.can_resume_after(self._position):
                    self._report_gap()
                entries, complete = self._next_entries()
                if complete:
                    self._deliver_in_parts(entries)
            except Exception as error:
                complete = False
                logger.warning("Cannot read events: %s", error, extra={"action": "events_unread"})
                time.sleep(RETRY_SECONDS)

    def _next_entries(self) -> tuple[list[Entry], bool]:
        """Wait for entries. Return them, and whether none before them was dropped.

        One round trip: each one waits for the batches that this process and Redis work on.
        """
        pipeline = self._blocking_client.pipeline(transaction=False)
        pipeline.xread({keys.EVENTS: self._position}, count=LIVE_COUNT, block=BLOCK_MS)
        reply, info = _execute(pipeline.xinfo_stream(keys.EVENTS))
        entries = [entry for _, entries in _streams(reply) for entry in entries]
        return entries, not entries or keeps_all_after(info, order(self._position))

    def _is_followed(self) -> bool:
        with self._lock:
            followed = bool(self._followers) and not self._closed
            if not followed:
                self._reader = None
                self._note_position(None)
            return followed

    def _deliver_in_parts(self, entries: Sequence[Entry]) -> None:
        """Deliver the entries. Between parts that concerned a follower, let followers run."""
        for start in range(0, len(entries), DELIVERY_COUNT):
            end = start + DELIVERY_COUNT
            concerned = self._deliver(entries[start:end])
            self._note_position(self._position)
            if concerned and end < len(entries):
                time.sleep(TURN_SECONDS)

    def _deliver(self, entries: Sequence[Entry]) -> bool:
        """Return whether an entry concerned a follower.

        Followers may run while they are given an entry, so the lock is not held meanwhile: who
        begins or ends to follow would wait for all of them.
        """
        concerned = False
        for entry in entries:
            with self._lock:
                followers = self._followers_of(entry[1].get(b"id"))
                self._position = entry[0].decode()
            concerned = concerned or bool(followers)
            event = StoredEvent.of(entry)
            for follower in followers:
                follower.put(event)
                self._let_others_run()  # thousands may follow, and each takes 20 microseconds
            self._let_others_run()
        if concerned:
            self._bound_waiting()
        return concerned

    def _bound_waiting(self) -> None:
        """Drop the slowest followers while all events that wait have too many bytes.

        The followers of a task share its events: those that wait for one of them are the last of
        those that wait for the slowest.
        """
        with self._lock:
            slowest = [max(each, key=WAITING_BYTES) for each in self._followers.values()]
        slowest.sort(key=WAITING_BYTES)
        excess = sum(map(WAITING_BYTES, slowest)) - MAX_ALL_WAITING_BYTES
        while slowest and excess > 0:
            follower = slowest.pop()
            excess -= follower.waiting_bytes
            follower.end_as_too_slow()

    def _report_gap(self) -> None:
        with self._lock:
            self._position = self._last_position()
            followers = self._all_followers()
        for follower in followers:
            follower.interrupt(StreamGap(self._position))

    def _followers_of(self, raw_id: bytes | None) -> list[RedisSubscription]:
        """Return the followers of this task and of all tasks; all for an event without a task."""
        if raw_id is None:
            return self._all_followers()
        return [*self._followers.get(raw_id, ()), *self._followers.get(None, ())]

    def _all_followers(self) -> list[RedisSubscription]:
        return [follower for followers in self._followers.values() for follower in followers]


def _execute(pipeline: Any) -> list[Any]:
    """Return the replies; None stands for a stream that does not exist. Raises RedisError."""
    replies: list[Any] = pipeline.execute(raise_on_error=False)
    for at, reply in enumerate(replies):
        if isinstance(reply, redis.ResponseError) and NO_STREAM in str(reply):
            replies[at] = None
        elif isinstance(reply, Exception):
            raise reply
    return replies


def _streams(reply: Any) -> Iterable[tuple[bytes, Sequence[Entry]]]:
    """Return the entries of each stream. XREAD replies with a mapping (RESP3) or pairs (RESP2)."""
    if not reply:
        return []
    if isinstance(reply, dict):
        return [
            (name, entries[0] if entries and isinstance(entries[0], list) else entries)
            for name, entries in reply.items()
        ]
    return list(reply)
