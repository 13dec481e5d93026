"""Decode the entries of the stream of events, each once for all who follow."""

import logging
import threading
from collections.abc import Callable
from typing import NamedTuple, Self

from adapters.redis.decoded_size import decoded_size
from adapters.redis.history_codec import decode_actor
from adapters.redis.schedule_codec import decode_skip
from adapters.redis.task_codec import CHANGED_BY, SUBMITTED_BY, Record, decode, unpack_record
from application.bounded_cache import BoundedCache
from application.ports.event_stream import TaskEvent
from domain.actor import Actor, worker_of
from domain.events import Event
from domain.task import Task

MAX_DECODED_EVENTS = 256
MAX_DECODED_BYTES = 8 * 1024 * 1024
"""Limit on the memory of the events that are kept decoded.

Each garbage collection visits every object in them, which are 100,000 at most.
"""

Entry = tuple[bytes, dict[bytes, bytes]]

logger = logging.getLogger(__name__)


class StoredEvent(NamedTuple):
    """An event as it is stored. The followers for whom it waits share one object."""

    entry: Entry
    size: int
    """Bytes of the entry in Redis."""

    @classmethod
    def of(cls, entry: Entry) -> Self:
        return cls(entry, sum(map(len, entry[1].values())))


class UnreadableEvent(Exception):
    """An event in the stream cannot be decoded: it is damaged, or of another version."""


class DecodedEvents:
    """The events that followers took last.

    Events wait for their followers as they are stored. The first follower that takes one decodes
    it, and those who take it soon after get the same object.
    """

    def __init__(self, let_others_run: Callable[[], None]) -> None:
        """`let_others_run` is called before each event is decoded."""
        self._let_others_run = let_others_run
        self._lock = threading.Lock()
        self._events: BoundedCache[bytes, TaskEvent | UnreadableEvent] = BoundedCache(
            MAX_DECODED_BYTES, max_values=MAX_DECODED_EVENTS
        )

    def event_of(self, entry: Entry) -> TaskEvent:
        """Return the event of an entry. Raises UnreadableEvent, which is logged once."""
        if entry[0] not in self._events:
            self._let_others_run()  # another follower may decode it meanwhile
        with self._lock:
            event = self._events.get(entry[0])
            if event is None:
                event = _event_or_error(entry)
                self._events.put(entry[0], event, decoded_size(entry[1].values()))
        if isinstance(event, UnreadableEvent):
            raise event
        return event


def decode_entry(entry: Entry) -> TaskEvent:
    """Decode an entry. Raises UnreadableEvent for any damage: it must not end its reader."""
    position, fields = entry
    try:
        event, record = Event(fields[b"event"].decode()), unpack_record(fields[b"record"])
        task = decode(fields[b"id"], record)
        return TaskEvent(
            position=position.decode(),
            event=event,
            task=task,
            actor=_actor(event, task, record),
            skip=decode_skip(fields[b"skip"]) if b"skip" in fields else None,
        )
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"
        raise UnreadableEvent(f"{position.decode()}: {cause}") from error


def _actor(event: Event, task: Task, record: Record) -> Actor | None:
    if text := record.get(CHANGED_BY):
        return decode_actor(text)
    if event in {Event.STARTED, Event.PROGRESS}:
        return worker_of(task.owner) if task.owner else None
    text = record.get(SUBMITTED_BY)
    return decode_actor(text) if text and task.version == 1 else None


def _event_or_error(entry: Entry) -> TaskEvent | UnreadableEvent:
    try:
        return decode_entry(entry)
    except UnreadableEvent as error:
        logger.warning("Cannot read an event: %s", error, extra={"action": "event_unreadable"})
        return error
