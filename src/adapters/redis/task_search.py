"""Find tasks by the indexes, and by reading them where no index helps."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any

from adapters.redis import keys
from adapters.redis.id_codec import id_text
from adapters.redis.records import TaskRecords
from adapters.redis.replies import count_or_zero, execute
from adapters.redis.store import RedisStore
from adapters.redis.task_codec import ERROR, PAYLOAD, RESULT, SPEC
from adapters.redis.task_index import (
    CHUNK,
    AnyOf,
    Entry,
    Span,
    count_in,
    cursor_of,
    entries_after,
    merged_entries,
    more_than,
    present_in,
    read_by_rank,
)
from application.ports.task_repository import Cursor, PageRequest
from application.task_filter import TaskFilter, compact
from domain.task import Task

MAX_CANDIDATES = 50_000
MAX_SCANS = 4
"""Maximum of simultaneous scans: each takes seconds, and holds a connection meanwhile."""
SCANNED_BYTES = 2 * 1024 * 1024
"""Bytes of payloads and results that one scan holds at a time."""


@dataclass(frozen=True)
class FoundPage:
    """A TaskPage whose tasks are not read yet."""

    ids: Sequence[bytes]
    total: int | None
    next: Cursor | None


class RedisTaskSearch:
    def __init__(
        self, store: RedisStore, records: TaskRecords, let_others_run: Callable[[], None]
    ) -> None:
        self._store = store
        self._let_others_run = let_others_run
        self._records = records
        self._scans = threading.Semaphore(MAX_SCANS)

    def find(self, wanted: TaskFilter, page: PageRequest) -> FoundPage:
        """See TaskRepository.find."""
        groups, span = groups_of(wanted), Span.of(wanted)
        if wanted.needs_scan:
            with self._scans:
                return self._from_many(wanted, groups, span, page)
        if len(groups) == 1 and len(groups[0].indexes) == 1:
            return self._from_one_index(groups[0].indexes[0], span, page)
        return self._from_many(wanted, groups, span, page)

    def _read(self, *commands: bytes) -> list[Any]:
        replies = self._store.pipeline(commands)
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return replies

    def _from_one_index(self, index: bytes, span: Span, page: PageRequest) -> FoundPage:
        """Read a page by rank, so that a late page costs no more than the first."""
        if page.after is None:
            entries, total = read_by_rank(self._read, index, span, page)
        else:
            number = page.limit + 1
            entries = list(islice(entries_after(self._read, index, span, page, number), number))
            [total] = count_in(self._read, [AnyOf([index])], span)
        return self._page(entries, page, total)

    def _from_many(
        self, wanted: TaskFilter, groups: Sequence[AnyOf], span: Span, page: PageRequest
    ) -> FoundPage:
        """Read the smallest of the groups, and find what is in all others as well.

        Entries before the page are counted only: thousands of requests may look for late pages.
        """
        sizes = count_in(self._read, groups, span)
        smallest = sizes.index(min(sizes))
        others = [group for number, group in enumerate(groups) if number != smallest]
        needed = page.offset + page.limit + 1
        few = min(sizes) <= CHUNK  # then one read knows the total, too
        number = CHUNK if few or wanted.needs_scan else min(2 * needed, CHUNK)
        candidates = merged_entries(self._read, groups[smallest].indexes, span, page, number)
        shown: list[Entry] = []
        matched, candidates_read, last, at_end = 0, 0, page.after, False
        while matched < needed and candidates_read < MAX_CANDIDATES and not at_end:
            chunk = list(islice(candidates, number))
            at_end = len(chunk) < number
            candidates_read += len(chunk)
            last = cursor_of(chunk[-1]) if chunk else last
            matching = self._matching(wanted, others, chunk)
            shown += matching[max(page.offset - matched, 0) :]
            matched += len(matching)
            number = more_than(number)
        exact = sizes[smallest] if not others and not wanted.needs_scan else None
        total = exact if exact is not None else matched if at_end and page.after is None else None
        result = self._page(shown, page, total)
        if result.next is None and not at_end:
            return replace(result, next=last)
        return result

    def _matching(
        self, wanted: TaskFilter, others: Sequence[AnyOf], chunk: list[Entry]
    ) -> list[Entry]:
        chunk = present_in(self._read, others, chunk)
        if not wanted.needs_scan or not chunk:
            return chunk
        with self._store.client() as client:
            batches = _by_size(client, chunk)
            return list(
                chain.from_iterable(self._matching_text(client, wanted, batch) for batch in batches)
            )

    def _matching_text(
        self, client: Any, wanted: TaskFilter, batch: Sequence[Entry]
    ) -> list[Entry]:
        possible = self._possible(client, wanted, batch)
        whole = self._records.whole(raw for _, raw in possible)
        matching = {task.task_id for task in whole if self._is_wanted(wanted, task)}
        return [entry for entry in possible if id_text(entry[1]) in matching]

    def _possible(self, client: Any, wanted: TaskFilter, chunk: Sequence[Entry]) -> list[Entry]:
        """Return the entries whose stored text contains a wanted text, plain or as JSON.

        Decoding all of them would take ten times as long.
        """
        needles = {
            form.casefold()
            for text in (wanted.task_name, wanted.text)
            if text is not None
            for form in (text, compact(text)[1:-1])
        }
        pipeline = client.pipeline(transaction=False)
        for _, raw in chunk:
            pipeline.hmget(keys.RECORD_PREFIX + raw, SPEC, PAYLOAD, RESULT, ERROR)
        possible = []
        for entry, fields in zip(chunk, execute(pipeline), strict=True):
            self._let_others_run()
            if isinstance(fields, Exception):
                continue
            text = b"\n".join(filter(None, fields)).decode(errors="replace").casefold()
            if any(needle in text for needle in needles):
                possible.append(entry)
        return possible

    def _is_wanted(self, wanted: TaskFilter, task: Task) -> bool:
        self._let_others_run()
        return wanted.matches_scan(task)

    def _page(self, entries: Sequence[Entry], page: PageRequest, total: int | None) -> FoundPage:
        """Return the page with which the entries begin. More entries mean that another follows."""
        shown = entries[: page.limit]
        more = len(entries) > page.limit
        return FoundPage([raw for _, raw in shown], total, cursor_of(shown[-1]) if more else None)


def groups_of(wanted: TaskFilter) -> list[AnyOf]:
    """Return the indexes that hold the wanted tasks, apart from the time of their submission."""
    groups = [AnyOf([keys.label_index(key, value)]) for key, value in wanted.labels.items()]
    if wanted.statuses:
        groups.append(AnyOf([keys.status_index(status) for status in sorted(wanted.statuses)]))
    if wanted.type is not None:
        groups.append(AnyOf([keys.type_index(wanted.type)]))
    if wanted.queue is not None:
        groups.append(AnyOf([keys.queue_index(wanted.queue)]))
    if wanted.queues:
        groups.append(AnyOf([keys.queue_index(queue) for queue in sorted(wanted.queues)]))
    if wanted.submitted_by is not None:
        groups.append(AnyOf([keys.submitter_index(wanted.submitted_by)]))
    return groups or [AnyOf([keys.SUBMITTED])]


def _by_size(client: Any, chunk: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """Yield batches whose payloads and results fit into memory together, one entry at least."""
    pipeline = client.pipeline(transaction=False)
    for _, raw in chunk:
        pipeline.hstrlen(keys.RECORD_PREFIX + raw, PAYLOAD)
        pipeline.hstrlen(keys.RECORD_PREFIX + raw, RESULT)
    lengths = list(map(count_or_zero, execute(pipeline)))
    batch: list[Entry] = []
    size = 0
    for entry, payload, result in zip(chunk, lengths[::2], lengths[1::2], strict=True):
        if batch and size + payload + result > SCANNED_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += payload + result
    yield batch
