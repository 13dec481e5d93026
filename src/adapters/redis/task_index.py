"""Read the indexes of tasks: sorted sets of task ids by submitted_at.

There is one for each status, type, queue and label. Members with the same time sort by their ids,
which is the order of submission, too.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Any, Self

from adapters.redis.exchange import packed
from adapters.redis.id_codec import id_bytes, id_text
from adapters.redis.task_codec import epoch_milliseconds
from application.ports.task_repository import Cursor, PageRequest
from application.task_filter import TaskFilter

CHUNK = 500
"""Limit on the entries that one command reads, so that none keeps Redis busy for long."""
END_OF_TIME = 2**53
"""The greatest time in milliseconds that a score holds exactly."""

Read = Callable[..., list[Any]]
"""Returns the replies to packed commands, in one round trip. Raises the error of a reply."""
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
    def ends(self) -> tuple[int, int]:
        return self.low, self.high

    @property
    def is_everything(self) -> bool:
        return self.ends == (0, END_OF_TIME)

    def after(self, cursor: Cursor | None, *, newest_first: bool) -> "Span":
        if cursor is None:
            return self
        if newest_first:
            return Span(self.low, min(self.high, cursor.milliseconds))
        return Span(max(self.low, cursor.milliseconds), self.high)


def count_in(read: Read, groups: Sequence[AnyOf], span: Span) -> list[int]:
    """Return the number of entries of each group in the span."""
    count = "ZCARD" if span.is_everything else "ZCOUNT"
    ends = () if span.is_everything else span.ends
    indexes = [index for group in groups for index in group.indexes]
    counts = iter(read(*(packed(count, index, *ends) for index in indexes)))
    return [sum(islice(counts, len(group.indexes))) for group in groups]


def read_by_rank(
    read: Read, index: bytes, span: Span, page: PageRequest
) -> tuple[list[Entry], int]:
    """Return the entries of a page and the one behind it, and the number of all in the span."""
    if span.is_everything:
        order = ("REV",) if page.newest_first else ()
        ranks = page.offset, page.offset + page.limit
        total, found = read(
            packed("ZCARD", index), packed("ZRANGE", index, *ranks, *order, "WITHSCORES")
        )
        return _entries(found), total
    stored, not_before, total = read(
        packed("ZCARD", index),
        packed("ZCOUNT", index, span.low, "+inf"),
        packed("ZCOUNT", index, *span.ends),
    )
    start, stop = page.offset, min(page.offset + page.limit, total - 1)
    if start > stop:
        return [], total
    if page.newest_first:
        start, stop = total - 1 - stop, total - 1 - start
    first = stored - not_before
    [found] = read(packed("ZRANGE", index, first + start, first + stop, "WITHSCORES"))
    entries = _entries(found)
    return entries[::-1] if page.newest_first else entries, total


def entries_after(
    read: Read, index: bytes, span: Span, page: PageRequest, number: int
) -> Iterator[Entry]:
    """Yield the entries of an index that follow the cursor of the page, in order.

    The first read is of `number` entries, and each further one of more, up to CHUNK.
    """
    cursor = page.after
    while True:
        here = span.after(cursor, newest_first=page.newest_first)
        chunk = _chunk(read, index, here, cursor, number, newest_first=page.newest_first)
        if not chunk:
            return
        yield from chunk
        cursor = cursor_of(chunk[-1])
        number = more_than(number)


def _chunk(
    read: Read, index: bytes, span: Span, cursor: Cursor | None, number: int, *, newest_first: bool
) -> list[Entry]:
    """Return the next entries. Many tasks of the same millisecond need more than one read."""
    last = (cursor.milliseconds, id_bytes(cursor.task_id) or b"") if cursor else None
    low, high = span.ends
    order = (high, low, "BYSCORE", "REV") if newest_first else (low, high, "BYSCORE")
    offset = 0
    while True:
        [found] = read(packed("ZRANGE", index, *order, "LIMIT", offset, number, "WITHSCORES"))
        entries = [
            entry
            for entry in _entries(found)
            if last is None or (entry < last if newest_first else entry > last)
        ]
        if entries or len(found) < number:
            return entries
        offset += number
        number = more_than(number)


def more_than(number: int) -> int:
    """Return how many entries to read when so many did not suffice."""
    return min(4 * number, CHUNK)


def merged_entries(
    read: Read, indexes: Sequence[bytes], span: Span, page: PageRequest, number: int
) -> Iterator[Entry]:
    """Yield the entries of indexes that have none in common, in one order; see entries_after."""
    streams = [entries_after(read, index, span, page, number) for index in indexes]
    return merge(*streams, reverse=page.newest_first)


def present_in(read: Read, groups: Sequence[AnyOf], chunk: list[Entry]) -> list[Entry]:
    """Return the entries that each of the groups has."""
    if not chunk or not groups:
        return chunk
    members = [member for _, member in chunk]
    indexes = [index for group in groups for index in group.indexes]
    replies = iter(read(*(packed("ZMSCORE", index, *members) for index in indexes)))
    scores = [list(zip(*islice(replies, len(group.indexes)), strict=True)) for group in groups]
    return [
        entry
        for entry, *of_groups in zip(chunk, *scores, strict=True)
        if all(any(score is not None for score in each) for each in of_groups)
    ]


def _entries(reply: Sequence[tuple[bytes, float]]) -> list[Entry]:
    return [entry_of(*each) for each in reply]


def entry_of(member: bytes, score: float) -> Entry:
    """Return an entry of an index. A score that is no time, such as infinity, is rounded to one."""
    return int(min(max(score, 0), END_OF_TIME)), member


def cursor_of(entry: Entry) -> Cursor:
    return Cursor(entry[0], id_text(entry[1]))
