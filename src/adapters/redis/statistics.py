"""Numbers about all tasks, from the indexes and from the counters of each minute."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from adapters.redis import keys
from adapters.redis.counters import SUBMITTED
from adapters.redis.entries import split_entry
from adapters.redis.exchange import packed
from adapters.redis.replies import count_or_zero, execute, milliseconds, sorted_texts
from adapters.redis.store import RedisStore
from adapters.redis.task_codec import EPOCH, FINISHED, SPEC, STARTED, instant
from adapters.redis.task_codec import SUBMITTED as SUBMITTED_AT
from adapters.redis.waiting_since import waiting_since
from application.ports.statistics import Durations, Minute, Occurrence, Statistics
from domain.status import Status

CHUNK = 100
"""Tasks or queues that one round trip reads. Other calls get their turn in between."""
MINUTES = 60
MINUTE_MS = 60_000


class RedisStatistics(Statistics):
    """Damaged data counts as 0."""

    def __init__(
        self, store: RedisStore, let_others_run: Callable[[], None] = lambda: None
    ) -> None:
        """`let_others_run` is called between tasks, for a process that serves other requests."""
        self._store = store
        self._let_others_run = let_others_run

    def by_status(self) -> Mapping[Status, int]:
        with self._store.client() as client:
            return dict(zip(Status, _sizes(client, map(keys.status_index, Status)), strict=True))

    def by_type(self) -> Mapping[str, int]:
        return self._by_name(keys.TYPES, keys.type_index)

    def by_queue(self) -> Mapping[str, int]:
        return self._by_name(keys.QUEUES, keys.queue_index)

    def last_hour(self) -> Sequence[Minute]:
        with self._store.client() as client:
            present = milliseconds(client.time()) // MINUTE_MS
            minutes = range(present - MINUTES + 1, present + 1)
            pipeline = client.pipeline(transaction=False)
            for minute in minutes:
                pipeline.hmget(
                    keys.MINUTE_PREFIX + str(minute).encode(),
                    SUBMITTED,
                    Status.COMPLETED,
                    Status.FAILED,
                )
            counts = [
                [count_or_zero(count) for count in _row(reply)] for reply in execute(pipeline)
            ]
        return [
            Minute(
                begins_at=EPOCH + timedelta(minutes=minute),
                submitted=row[0],
                completed=row[1],
                failed=row[2],
            )
            for minute, row in zip(minutes, counts, strict=True)
        ]

    def durations(self, *, tasks: int) -> Durations:
        with self._store.client() as client:
            entries = client.lrange(keys.FINISHED, -tasks, -1)
            timed = [
                duration
                for at in range(0, len(entries), CHUNK)
                for times in _times(client, entries[at : at + CHUNK])
                if (duration := self._wait_and_run(times))
            ]
        return Durations(wait=[wait for wait, _ in timed], run=[run for _, run in timed])

    def occurrences(self) -> Mapping[Occurrence, int]:
        """Return the counters. Each start of a run takes the next fencing token."""
        counted: list[Occurrence] = [*Occurrence]
        counted.remove(Occurrence.RUN_STARTED)
        commands = [packed("GET", keys.CLAIMS), packed("HMGET", keys.TOTALS, *counted)]
        started, numbers = self._store.pipeline(commands)
        if isinstance(numbers, Exception):
            numbers = [0] * len(counted)
        found = dict(zip(counted, map(count_or_zero, numbers), strict=True))
        return {Occurrence.RUN_STARTED: count_or_zero(started), **found}

    def _wait_and_run(self, times: Any) -> tuple[float, float] | None:
        """Return None for a task that never ran, is gone or is damaged."""
        self._let_others_run()
        if isinstance(times, Exception) or None in times:
            return None
        submitted, spec, started, finished = times
        since = waiting_since(submitted, spec)
        try:
            began, ended = instant(int(started)), instant(int(finished))
        except (ValueError, OverflowError):
            return None
        return (
            (max((began - since).total_seconds(), 0), (ended - began).total_seconds())
            if since
            else None
        )

    def _by_name(self, names_key: bytes, index: Callable[[str], bytes]) -> Mapping[str, int]:
        with self._store.client() as client:
            names = sorted_texts(client.smembers(names_key))
            sizes = _sizes(client, map(index, names))
        return {name: size for name, size in zip(names, sizes, strict=True) if size}


def _sizes(client: Any, indexes: Any) -> list[int]:
    pipeline = client.pipeline(transaction=False)
    for index in indexes:
        pipeline.zcard(index)
    return [count_or_zero(reply) for reply in execute(pipeline)]


def _row(reply: Any) -> Sequence[Any]:
    return [None, None, None] if isinstance(reply, Exception) else reply


def _times(client: Any, entries: Sequence[bytes]) -> Sequence[Any]:
    """Return the times of each task and its specification. Payloads and results are not read."""
    pipeline = client.pipeline(transaction=False)
    for entry in entries:
        pipeline.hmget(
            keys.RECORD_PREFIX + split_entry(entry)[0], SUBMITTED_AT, SPEC, STARTED, FINISHED
        )
    return execute(pipeline)
