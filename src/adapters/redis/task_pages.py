"""Pages of tasks as JSON, which is kept for as long as the record of a task is the same.

A record is read from Redis each time, and only written as JSON again when any of its bytes has
changed. So a kept text is never older than the record.
"""

import json
from collections.abc import Callable, Sequence

from adapters.redis.id_codec import id_text
from adapters.redis.record_text import record_text
from adapters.redis.records import PlacedRecord, TaskRecords
from adapters.redis.task_codec import decode, unpack_record
from adapters.redis.task_search import RedisTaskSearch
from application.bounded_cache import BoundedCache
from application.ports.task_pages import TaskPages, TextPage
from application.ports.task_repository import PageRequest
from application.skipped_items import SkippedItems
from application.task_filter import TaskFilter
from application.task_serializer import TaskJson, serialize_task

MAX_TEXT_BYTES = 65_536
ENTRY_BYTES = 400
"""Memory of a kept text besides its bytes, measured generously."""


class RedisTaskPages(TaskPages):
    def __init__(
        self,
        records: TaskRecords,
        search: RedisTaskSearch,
        let_others_run: Callable[[], None] = lambda: None,
        cache_bytes: int = 0,
    ) -> None:
        """`let_others_run` is called between tasks, for a process that serves other requests.

        Texts of up to `cache_bytes` in all are kept.
        """
        self._records = records
        self._search = search
        self._let_others_run = let_others_run
        self._kept: BoundedCache[bytes, tuple[bytes, TaskJson]] = BoundedCache(
            cache_bytes, max_value_bytes=MAX_TEXT_BYTES
        )
        self._skipped_items = SkippedItems()

    def texts(
        self, wanted: TaskFilter, page_request: PageRequest, *, with_positions: bool = True
    ) -> TextPage:
        found = self._search.find(wanted, page_request)
        texts = self._written(self._records.placed(found.ids), with_positions=with_positions)
        return TextPage(texts=texts, total=found.total, next=found.next)

    def _written(self, records: Sequence[PlacedRecord], *, with_positions: bool) -> list[bytes]:
        """Return the texts, without those of records that are gone or damaged."""
        texts = []
        for record in records:
            self._let_others_run()
            try:
                if isinstance(record.reply, Exception):
                    raise record.reply
                if record.reply:
                    position = record.position if with_positions else None
                    texts.append(self._text(record.raw, record.reply, position))
            except Exception as error:  # whatever is wrong with a record, the others are shown
                self._skipped_items.log_once("read", id_text(record.raw), error)
        return texts

    def _text(self, raw: bytes, packed: bytes, position: int | None) -> bytes:
        kept = self._kept.get(raw)
        if kept is not None and kept[0] == packed:
            return kept[1].placed(position)
        record = unpack_record(packed)
        try:
            text = record_text(raw, record)
        except Exception:  # rare, so it may take longer
            members = serialize_task(decode(raw, record), position)
            return json.dumps(members, separators=(",", ":")).encode()
        size = len(packed) + len(text.head) + len(text.tail) + ENTRY_BYTES
        self._kept.put(raw, (packed, text), size)
        return text.placed(position)
