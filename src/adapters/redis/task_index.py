"""Read the indexes of tasks: sorted sets of task ids by submitted_at.

There is one for each status, type, queue and label. Members with the same time sort by their ids,
which is the order of submission, too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import count
from typing import Any, Self

from adapters.redis.id_codec import id_bytes, id_text
from adapters.redis.task_codec import epoch_milliseconds
from application.ports.task_repository import Cursor, PageRequest
from application.task_filter import TaskFilter

CHUNK = 500
"""Entries that one command reads, so that none keeps Redis busy for long."""
END_OF_TIME = 2**53
"""The greatest time in milliseconds that a score holds exactly."""

Entry = tuple[int, bytes]
"""The submitted_at of a task in milliseconds since 1970, and its id."""


@dataclass(frozen=True)
class AnyOf:
    """Tasks that are in one of these indexes."""

    indexes: Sequence[bytes]


@dataclass(frozen=True)
class Span:
    """A range of submitted_at, in milliseconds since 1970; both ends are included."""

    low: int
    high: int

    @classmethod
    def of(cls, wanted: TaskFilter) -> Self:
        after, before = wanted.submitted_after, wanted.submitted_before
        return cls(
            epoch_milliseconds(after) + 1 if after else 0,
            epoch_milliseconds(before) - 1 if before else END_OF_TIME,
        )

    @property
    def is_everything(self) -> bool:
        return (self.low, self.high) == (0, END_OF_TIME)

    def after(self, cursor: Cursor | None, *, newest_first: bool) -> "Span":
        if cursor is None:
            return self
        if newest_first:
            return Span(self.low, min(self.high, cursor.milliseconds))
        return Span(max(self.low, cursor.milliseconds), self.high)


def extent(client: Any, index: bytes, span: Span) -> tuple[int, int]:
    """Return the rank of the first entry in the span, and the number of entries in it."""
    if span.is_everything:
        return 0, client.zcard(index)
    before = client.zcard(index) - client.zcount(index, span.low, "+inf")
    return before, client.zcount(index, span.low, span.high)


def read_by_rank(
    client: Any, index: bytes, first: int, total: int, page: PageRequest
) -> list[Entry]:
    start, stop = page.offset, min(page.offset + page.limit, total - 1)
    if start > stop:
        return []
    if page.newest_first:
        start, stop = total - 1 - stop, total - 1 - start
    entries = client.zrange(index, first + start, first + stop, withscores=True)
    found = [entry_of(*entry) for entry in entries]
    return found[::-1] if page.newest_first else found


def entries_after(client: Any, index: bytes, span: Span, page: PageRequest) -> Iterator[Entry]:
    """Yield the entries of an index that follow the cursor of the page, in order."""
    cursor = page.after
    while True:
        here = span.after(cursor, newest_first=page.newest_first)
        chunk = _chunk(client, index, here, cursor, newest_first=page.newest_first)
        if not chunk:
            return
        yield from chunk
        cursor = cursor_of(chunk[-1])


def _chunk(
    client: Any, index: bytes, span: Span, cursor: Cursor | None, *, newest_first: bool
) -> list[Entry]:
    """Return the next entries. Many tasks of the same millisecond need more than one read."""
    last = (cursor.milliseconds, id_bytes(cursor.task_id) or b"") if cursor else None
    ends = (span.high, span.low) if newest_first else (span.low, span.high)
    for offset in count(0, CHUNK):
        read = client.zrange(
            index, *ends, byscore=True, desc=newest_first, offset=offset, num=CHUNK, withscores=True
        )
        entries = [entry_of(*entry) for entry in read]
        found = [
            entry
            for entry in entries
            if last is None or (entry < last if newest_first else entry > last)
        ]
        if found or len(read) < CHUNK:
            return found
    return []


def merged_entries(
    client: Any, indexes: Sequence[bytes], span: Span, page: PageRequest
) -> Iterator[Entry]:
    """Yield the entries of indexes that have none in common, in one order."""
    streams = [entries_after(client, index, span, page) for index in indexes]
    return merge(*streams, reverse=page.newest_first)


def present_in(client: Any, group: AnyOf, chunk: list[Entry]) -> list[Entry]:
    if not chunk:
        return []
    members = [member for _, member in chunk]
    pipeline = client.pipeline(transaction=False)
    for index in group.indexes:
        pipeline.zmscore(index, members)
    scores = zip(*pipeline.execute(), strict=True)
    return [
        entry
        for entry, found in zip(chunk, scores, strict=True)
        if any(score is not None for score in found)
    ]


def entry_of(member: bytes, score: float) -> Entry:
    """Return an entry of an index. A score that is no time, such as infinity, is rounded to one."""
    return int(min(max(score, 0), END_OF_TIME)), member


def cursor_of(entry: Entry) -> Cursor:
    return Cursor(entry[0], id_text(entry[1]))
