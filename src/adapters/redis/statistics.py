"""Numbers about all tasks, from the indexes and from counters of each minute."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from adapters.redis import keys
from adapters.redis.client import RedisStore, milliseconds
from adapters.redis.indexes import SUBMITTED
from adapters.redis.short_records import ShortRecords
from adapters.redis.task_codec import EPOCH
from application.ports.statistics import Durations, Minute, Statistics
from domain.status import Status
from domain.task import Task

MINUTES = 60
MINUTE_MS = 60_000


class RedisStatistics(Statistics):
    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._short = ShortRecords(store)

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
                pipeline.hmget(keys.MINUTE_PREFIX + str(minute).encode(), SUBMITTED, Status.COMPLETED, Status.FAILED)
            counts = [[int(count or 0) for count in row] for row in pipeline.execute()]
        return [
            Minute(begins_at=EPOCH + timedelta(minutes=minute), submitted=row[0], completed=row[1], failed=row[2])
            for minute, row in zip(minutes, counts, strict=True)
        ]

    def durations(self, *, tasks: int) -> Durations:
        with self._store.client() as client:
            entries = client.lrange(keys.FINISHED, -tasks, -1)
        finished = self._short.read(entry[:16] for entry in entries)
        timed = [duration for task in finished if (duration := _wait_and_run(task))]
        return Durations(wait=[wait for wait, _ in timed], run=[run for _, run in timed])

    def _by_name(self, names_key: bytes, index: Callable[[str], bytes]) -> Mapping[str, int]:
        with self._store.client() as client:
            names = sorted(name.decode() for name in client.smembers(names_key))
            sizes = _sizes(client, map(index, names))
        return {name: size for name, size in zip(names, sizes, strict=True) if size}


def _sizes(client: Any, indexes: Any) -> list[int]:
    pipeline = client.pipeline(transaction=False)
    for index in indexes:
        pipeline.zcard(index)
    sizes: list[int] = pipeline.execute()
    return sizes


def _wait_and_run(task: Task) -> tuple[float, float] | None:
    if task.started_at is None or task.finished_at is None:
        return None
    waited_since = max(task.submitted_at, task.spec.run_at or EPOCH)
    wait = (task.started_at - waited_since).total_seconds()
    return max(wait, 0), (task.finished_at - task.started_at).total_seconds()
