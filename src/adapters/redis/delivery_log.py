"""The latest delivery attempts of all tasks: a stream, to which the outbox appends."""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from adapters.redis import keys
from adapters.redis.entries import ID_BYTES
from adapters.redis.exchange import packed
from adapters.redis.id_codec import id_text
from adapters.redis.outbox import decode_delivery
from adapters.redis.replies import count_or_zero, milliseconds
from adapters.redis.store import RedisStore
from application.ports.delivery_log import (
    DeliveryFilter,
    DeliveryLog,
    DeliveryPage,
    LoggedDelivery,
)
from application.skipped_items import SkippedItems

CHUNK = 500
"""Entries that one round trip reads. Other calls get their turn in between."""
POSITION = re.compile("[0-9]{1,15}-[0-9]{1,15}")
NEWEST = b"+"


class RedisDeliveryLog(DeliveryLog):
    def __init__(
        self, store: RedisStore, let_others_run: Callable[[], None] = lambda: None
    ) -> None:
        """`let_others_run` is called between entries, for a process that serves other requests."""
        self._store = store
        self._let_others_run = let_others_run
        self._skipped_items = SkippedItems()

    def latest(
        self, wanted: DeliveryFilter, *, limit: int, after: str | None = None
    ) -> DeliveryPage:
        if after is not None and not POSITION.fullmatch(after):
            raise ValueError(f"no position: {after!r}")
        entries = self._entries(NEWEST if after is None else b"(" + after.encode())
        matching = ((at, logged) for at, logged in entries if wanted.matches(logged))
        found = list(islice(matching, limit + 1))
        shown = found[:limit]
        return DeliveryPage(
            deliveries=[logged for _, logged in shown],
            next=shown[-1][0] if len(found) > limit else None,
        )

    def pending(self) -> int:
        [number] = self._store.pipeline([packed("ZCARD", keys.OUTBOX)])
        return count_or_zero(number)

    def due(self) -> int:
        [time] = self._store.pipeline([packed("TIME")])
        now = milliseconds(time)
        [number] = self._store.pipeline([packed("ZCOUNT", keys.OUTBOX, "-inf", now)])
        return count_or_zero(number)

    def _entries(self, begin: bytes) -> Iterator[tuple[str, LoggedDelivery]]:
        """Yield the position and content of entries, newest first."""
        while True:
            command = packed("XREVRANGE", keys.DELIVERY_LOG, begin, "-", "COUNT", CHUNK)
            [entries] = self._store.pipeline([command])
            if isinstance(entries, Exception):
                self._skipped_items.log_once("read_deliveries", "the stream", entries)
                return
            for position, fields in entries:
                self._let_others_run()
                if logged := self._decoded(position.decode(), fields):
                    yield position.decode(), logged
            if len(entries) < CHUNK:
                return
            begin = b"(" + entries[-1][0]

    def _decoded(self, position: str, fields: Any) -> LoggedDelivery | None:
        try:
            if not isinstance(fields, dict):
                fields = dict(zip(fields[::2], fields[1::2], strict=True))
            raw = fields[b"id"]
            if len(raw) != ID_BYTES:
                raise ValueError("an id of another length")
            task_id = id_text(raw)
            delivery = decode_delivery(task_id, int(fields[b"number"]), fields[b"attempt"])
            return LoggedDelivery(task_id=task_id, host=fields[b"host"].decode(), delivery=delivery)
        except Exception as error:  # whatever is wrong with it, the others can be read
            self._skipped_items.log_once("read_deliveries", position, error)
            return None
