"""The queues in Redis."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from adapters.redis import keys
from adapters.redis.client import RedisStore
from adapters.redis.indexes import PRIORITY_STEP
from adapters.redis.task_codec import EPOCH, decode
from adapters.redis.task_leases import held_queue
from application.ports.queues import Queues, QueueState
from domain.task_spec import PRIORITIES


class RedisQueues(Queues):
    def __init__(self, store: RedisStore) -> None:
        self._store = store

    def names(self) -> Sequence[str]:
        with self._store.client() as client:
            return sorted(name.decode() for name in client.smembers(keys.QUEUES))

    def states(self, names: Sequence[str]) -> Sequence[QueueState]:
        if not names:
            return []
        with self._store.client() as client:
            pipeline = client.pipeline(transaction=False)
            pipeline.smembers(keys.PAUSED)
            pipeline.hvals(keys.HELD)
            pipeline.hgetall(keys.SCHEDULED_BY_QUEUE)
            for name in names:
                pipeline.zcard(keys.waiting(name))
            paused, held, scheduled, *depths = pipeline.execute()
            processing = Counter(map(held_queue, held))
            return [
                QueueState(
                    name=name,
                    depth=depth,
                    processing=processing[name],
                    scheduled=int(scheduled.get(name.encode(), 0)),
                    oldest_waiting_since=_oldest(client, name) if depth else None,
                    paused=name.encode() in paused,
                )
                for name, depth in zip(names, depths, strict=True)
            ]

    def pause(self, name: str) -> None:
        with self._store.client() as client:
            client.sadd(keys.PAUSED, name)

    def resume(self, name: str) -> None:
        with self._store.client() as client:
            client.srem(keys.PAUSED, name)


def _oldest(client: Any, queue: str) -> datetime | None:
    """The first of each priority is the oldest of that."""
    pipeline = client.pipeline(transaction=False)
    for step in range(len(PRIORITIES)):
        low, high = step * PRIORITY_STEP, f"({(step + 1) * PRIORITY_STEP}"
        pipeline.zrange(keys.waiting(queue), low, high, byscore=True, offset=0, num=1)
    first = [member for members in pipeline.execute() for member in members]
    for member in first:
        pipeline.hgetall(keys.RECORD_PREFIX + member)
    tasks = [decode(member, record) for member, record in zip(first, pipeline.execute(), strict=True) if record]
    waited_since = [max(task.submitted_at, task.spec.run_at or EPOCH) for task in tasks]
    return min(waited_since, default=None)
