"""Finds tasks by the indexes, and where none helps by reading them.

An index is a sorted set of task ids by the time of their submission; one of each state, type, queue and label. Members
with the same time sort by their ids, which are those of their submission, too.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import chain, count, islice
from typing import Any, Self

from adapters.redis import keys
from adapters.redis.records import TaskRecords
from adapters.redis.replies import count_or_zero, execute
from adapters.redis.store import RedisStore
from adapters.redis.task_codec import (
    ERROR,
    PAYLOAD,
    RESULT,
    SPEC,
    epoch_milliseconds,
    id_bytes,
    id_text,
)
from application.ports.task_repository import Cursor, PageRequest, TaskPage
from application.task_filter import TaskFilter, compact
from domain.task import Task

CHUNK = 500
"""How many entries one command reads, so that none keeps Redis busy for long."""
MOST_LOOKED_AT = 50_000
SCANS_AT_ONCE = 4
"""A scan takes seconds and keeps its turn at the store meanwhile; all others wait for those turns, submits included."""
SCANNED_BYTES = 2 * 1024 * 1024
"""A bound on the payloads and results that a scan holds at once."""
EVER = 2**53

Entry = tuple[int, bytes]
"""The time of a task's submission and its id."""


@dataclass(frozen=True)
class AnyOf:
    """Tasks that stand in one of these indexes."""

    indexes: Sequence[bytes]


@dataclass(frozen=True)
class Span:
    """From when to when tasks were submitted, both in milliseconds since 1970 and included."""

    low: int
    high: int

    @classmethod
    def of(cls, wanted: TaskFilter) -> Self:
        after, before = wanted.submitted_after, wanted.submitted_before
        return cls(
            epoch_milliseconds(after) + 1 if after else 0,
            epoch_milliseconds(before) - 1 if before else EVER,
        )

    @property
    def is_everything(self) -> bool:
        return (self.low, self.high) == (0, EVER)

    def behind(self, place: Cursor | None, *, newest_first: bool) -> "Span":
        if place is None:
            return self
        if newest_first:
            return Span(self.low, min(self.high, place.milliseconds))
        return Span(max(self.low, place.milliseconds), self.high)


class RedisTaskSearch:
    def __init__(self, store: RedisStore, records: TaskRecords, let_others_run: Callable[[], None]) -> None:
        self._store = store
        self._let_others_run = let_others_run
        self._records = records
        self._scans = threading.Semaphore(SCANS_AT_ONCE)

    def find(self, wanted: TaskFilter, window: PageRequest) -> TaskPage:
        groups, span = _groups(wanted), Span.of(wanted)
        if len(groups) == 1 and len(groups[0].indexes) == 1 and not wanted.needs_scan:
            with self._store.client() as client:
                return self._from_one_index(client, groups[0].indexes[0], span, window)
        with self._scans, self._store.client() as client:
            return self._from_many(client, wanted, groups, span, window)

    def _from_one_index(self, client: Any, index: bytes, span: Span, window: PageRequest) -> TaskPage:
        """By rank, so that a page deep inside costs no more than the first."""
        first, total = _extent(client, index, span)
        if window.after is None:
            entries = _by_rank(client, index, first, total, window)
        else:
            entries = list(islice(_behind(client, index, span, window), window.limit + 1))
        return self._page(entries, window, total)

    def _from_many(
        self,
        client: Any,
        wanted: TaskFilter,
        groups: Sequence[AnyOf],
        span: Span,
        window: PageRequest,
    ) -> TaskPage:
        """Reads the rarest of the groups and drops what is in none of the others."""
        sizes = [sum(_extent(client, index, span)[1] for index in group.indexes) for group in groups]
        rarest = sizes.index(min(sizes))
        others = [group for number, group in enumerate(groups) if number != rarest]
        candidates = _merged(client, groups[rarest].indexes, span, window)
        found: list[Entry] = []
        looked_at, last, at_end = 0, window.after, False
        needed = window.offset + window.limit + 1
        while len(found) < needed and looked_at < MOST_LOOKED_AT and not at_end:
            chunk = list(islice(candidates, CHUNK))
            at_end = len(chunk) < CHUNK
            looked_at += len(chunk)
            last = _place(chunk[-1]) if chunk else last
            found += self._matching(client, wanted, others, chunk)
        exact = sizes[rarest] if not others and not wanted.needs_scan else None
        total = exact if exact is not None else len(found) if at_end and window.after is None else None
        page = self._page(found[window.offset :], window, total)
        if page.next is None and not at_end:
            return TaskPage(tasks=page.tasks, total=total, next=last)
        return page

    def _matching(self, client: Any, wanted: TaskFilter, others: Sequence[AnyOf], chunk: list[Entry]) -> list[Entry]:
        for group in others:
            chunk = _standing_in(client, group, chunk)
        if not wanted.needs_scan or not chunk:
            return chunk
        batches = _by_size(client, chunk)
        return list(chain.from_iterable(self._matching_text(client, wanted, batch) for batch in batches))

    def _matching_text(self, client: Any, wanted: TaskFilter, batch: Sequence[Entry]) -> list[Entry]:
        possible = self._possible(client, wanted, batch)
        whole = self._records.whole(raw for _, raw in possible)
        matching = {task.task_id for task in whole if self._is_wanted(wanted, task)}
        return [entry for entry in possible if id_text(entry[1]) in matching]

    def _possible(self, client: Any, wanted: TaskFilter, chunk: Sequence[Entry]) -> list[Entry]:
        """Return the entries whose stored text holds what is wanted, as it is or as JSON writes it.

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

    def _page(self, entries: Sequence[Entry], window: PageRequest, total: int | None) -> TaskPage:
        """`entries` begin with the page; one more says that there is another."""
        shown = entries[: window.limit]
        more = len(entries) > window.limit
        tasks = self._records.short(raw for _, raw in shown)
        return TaskPage(tasks=tasks, total=total, next=_place(shown[-1]) if more else None)


def _groups(wanted: TaskFilter) -> list[AnyOf]:
    groups = [AnyOf([keys.label_index(key, value)]) for key, value in wanted.labels.items()]
    if wanted.statuses:
        groups.append(AnyOf([keys.status_index(status) for status in sorted(wanted.statuses)]))
    if wanted.type is not None:
        groups.append(AnyOf([keys.type_index(wanted.type)]))
    if wanted.queue is not None:
        groups.append(AnyOf([keys.queue_index(wanted.queue)]))
    return groups or [AnyOf([keys.SUBMITTED])]


def _extent(client: Any, index: bytes, span: Span) -> tuple[int, int]:
    """The rank of the first entry in the span, and how many there are in it."""
    if span.is_everything:
        return 0, client.zcard(index)
    before = client.zcard(index) - client.zcount(index, span.low, "+inf")
    return before, client.zcount(index, span.low, span.high)


def _by_rank(client: Any, index: bytes, first: int, total: int, window: PageRequest) -> list[Entry]:
    start, stop = window.offset, min(window.offset + window.limit, total - 1)
    if start > stop:
        return []
    if window.newest_first:
        start, stop = total - 1 - stop, total - 1 - start
    entries = client.zrange(index, first + start, first + stop, withscores=True)
    found = [_entry(*entry) for entry in entries]
    return found[::-1] if window.newest_first else found


def _behind(client: Any, index: bytes, span: Span, window: PageRequest) -> Iterator[Entry]:
    """The entries of an index in their order, from behind the place of the window on."""
    place = window.after
    while True:
        here = span.behind(place, newest_first=window.newest_first)
        chunk = _chunk(client, index, here, place, newest_first=window.newest_first)
        if not chunk:
            return
        yield from chunk
        place = _place(chunk[-1])


def _chunk(client: Any, index: bytes, span: Span, place: Cursor | None, *, newest_first: bool) -> list[Entry]:
    """The next entries. More than one read is needed where many tasks were submitted in the same millisecond."""
    last = (place.milliseconds, id_bytes(place.task_id) or b"") if place else None
    ends = (span.high, span.low) if newest_first else (span.low, span.high)
    for offset in count(0, CHUNK):
        read = client.zrange(index, *ends, byscore=True, desc=newest_first, offset=offset, num=CHUNK, withscores=True)
        entries = [_entry(*entry) for entry in read]
        found = [entry for entry in entries if last is None or (entry < last if newest_first else entry > last)]
        if found or len(read) < CHUNK:
            return found
    return []


def _merged(client: Any, indexes: Sequence[bytes], span: Span, window: PageRequest) -> Iterator[Entry]:
    """The entries of indexes that have none in common, in one order."""
    streams = [_behind(client, index, span, window) for index in indexes]
    return merge(*streams, reverse=window.newest_first)


def _standing_in(client: Any, group: AnyOf, chunk: list[Entry]) -> list[Entry]:
    if not chunk:
        return []
    members = [member for _, member in chunk]
    pipeline = client.pipeline(transaction=False)
    for index in group.indexes:
        pipeline.zmscore(index, members)
    scores = zip(*pipeline.execute(), strict=True)
    return [entry for entry, found in zip(chunk, scores, strict=True) if any(score is not None for score in found)]


def _by_size(client: Any, chunk: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """Yield the entries in batches whose payloads and results fit into memory together, at least one in each."""
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


def _entry(member: bytes, score: float) -> Entry:
    """Return an entry of an index; the nearest time for a score that is none, such as infinity."""
    return int(min(max(score, 0), EVER)), member


def _place(entry: Entry) -> Cursor:
    return Cursor(entry[0], id_text(entry[1]))
