"""The number of tasks by status, from the indexes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from adapters.redis import keys
from adapters.redis.exchange import packed
from adapters.redis.replies import count_or_zero
from adapters.redis.store import RedisStore
from adapters.redis.task_index import CHUNK, Span, entries_after, present_in
from adapters.redis.task_search import groups_of
from application.ports.task_counts import StatusCounts, TaskCounts
from application.ports.task_repository import PageRequest
from application.task_filter import TaskFilter
from domain.status import Status

MAX_COMPARED = 10_000
"""Look-ups of entries of one index in others: Redis serves nobody else meanwhile."""


class RedisTaskCounts(TaskCounts):
    """A damaged index counts as empty."""

    def __init__(self, store: RedisStore) -> None:
        self._store = store

    def by_status(self, wanted: TaskFilter) -> StatusCounts:
        if wanted.needs_scan:
            return StatusCounts({})
        any_status, span = replace(wanted, statuses=frozenset()), Span.of(wanted)
        groups = [] if _is_unfiltered(any_status) else groups_of(any_status)
        sizes = self._sizes([index for group in groups for index in group.indexes], span)
        statuses = dict(zip(Status, self._sizes(map(keys.status_index, Status), span), strict=True))
        if not groups:
            return StatusCounts(statuses)
        if not span.is_everything:
            return StatusCounts(self._walk(groups, sizes, span))
        return StatusCounts(
            self._intersect([group.indexes[0] for group in groups], sizes, statuses)
        )

    def _intersect(
        self, indexes: Sequence[bytes], sizes: Sequence[int], statuses: Mapping[Status, int]
    ) -> Mapping[Status, int]:
        """Return the numbers of those statuses for which one of the indexes is small enough.

        The last number follows from the others where the number of all is known.
        """
        small = [
            each for each in Status if min(*sizes, statuses[each]) * len(indexes) <= MAX_COMPARED
        ]
        commands = [
            packed("ZINTERCARD", 1 + len(indexes), keys.status_index(each), *indexes)
            for each in small
        ]
        numbers = dict(zip(small, self._counts(commands), strict=True))
        unknown = set(Status) - numbers.keys()
        if len(unknown) == 1 and len(indexes) == 1:
            numbers[unknown.pop()] = max(sizes[0] - sum(numbers.values()), 0)
        return numbers

    def _walk(
        self, groups: Sequence[Any], sizes: Sequence[int], span: Span
    ) -> Mapping[Status, int]:
        """Return the numbers in a span of time, if the smallest index is small enough in it."""
        smallest = min(range(len(groups)), key=sizes.__getitem__)
        if sizes[smallest] > MAX_COMPARED:
            return {}
        others = [group for at, group in enumerate(groups) if at != smallest]
        [index] = groups[smallest].indexes
        entries = entries_after(self._read, index, span, PageRequest(), CHUNK)
        found: Counter[Status] = Counter(dict.fromkeys(Status, 0))
        while chunk := list(islice(entries, CHUNK)):
            members = [member for _, member in present_in(self._read, others, chunk)]
            if members:
                commands = (packed("ZMSCORE", keys.status_index(each), *members) for each in Status)
                for status, scores in zip(Status, self._read(*commands), strict=True):
                    found[status] += sum(score is not None for score in scores)
        return found

    def _sizes(self, indexes: Any, span: Span) -> list[int]:
        command = ("ZCARD", ()) if span.is_everything else ("ZCOUNT", span.ends)
        return self._counts([packed(command[0], index, *command[1]) for index in indexes])

    def _counts(self, commands: Sequence[bytes]) -> list[int]:
        return list(map(count_or_zero, self._store.pipeline(commands))) if commands else []

    def _read(self, *commands: bytes) -> list[Any]:
        """Return the replies. The reply of a damaged index is that of an empty one."""
        return [
            [] if isinstance(reply, Exception) else reply
            for reply in self._store.pipeline(commands)
        ]


def _is_unfiltered(wanted: TaskFilter) -> bool:
    """Return whether only a span of time is asked for, or nothing."""
    return wanted.type is None and wanted.queue is None and not wanted.labels
