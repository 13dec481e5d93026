"""The queues in Redis."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from adapters.redis import keys
from adapters.redis.effects import Effects
from adapters.redis.entries import held_entry
from adapters.redis.indexes import PRIORITY_STEP, WakeUpOf
from adapters.redis.replies import count_or_zero, execute, sorted_texts
from adapters.redis.save_script import SaveScript
from adapters.redis.store import RedisStore
from adapters.redis.task_codec import SPEC, SUBMITTED
from adapters.redis.waiting_since import waiting_since
from application.ports.queues import Queues, QueueState

CHUNK = 100
"""Queues that one round trip reads. Other calls get their turn in between."""
T = TypeVar("T")


class RedisQueues(Queues):
    def __init__(
        self,
        store: RedisStore,
        wake_up_of: WakeUpOf,
        let_others_run: Callable[[], None] = lambda: None,
    ) -> None:
        """`let_others_run` is called between queues, for a process that serves other requests."""
        self._store = store
        self._let_others_run = let_others_run
        self._wake_up_of = wake_up_of
        self._save = SaveScript(store)

    def names(self) -> Sequence[str]:
        with self._store.client() as client:
            return sorted_texts(client.sunion([keys.QUEUES, keys.PAUSED]))

    def waiting(self) -> Sequence[str]:
        with self._store.client() as client:
            return sorted_texts(client.smembers(keys.WAITING_QUEUES))

    def states(self, names: Sequence[str]) -> Sequence[QueueState]:
        if not names:
            return []
        with self._store.client() as client:
            processing = Counter(held_entry(entry)[1] for entry in client.hvals(keys.HELD))
            paused: dict[str, bool] = {}
            scheduled: dict[str, int] = {}
            depths: dict[str, int] = {}
            oldest: dict[str, datetime] = {}
            for at in range(0, len(names), CHUNK):
                some = names[at : at + CHUNK]
                for name, is_paused, later, depth in self._numbers(client, some):
                    paused[name], scheduled[name], depths[name] = is_paused, later, depth
                oldest |= self._oldest(client, [name for name in some if depths[name]])
        return [
            QueueState(
                name=name,
                depth=depths[name],
                processing=processing[name],
                scheduled=scheduled[name],
                oldest_waiting_since=oldest.get(name),
                paused=paused[name],
            )
            for name in self._paced(names)
        ]

    def pause(self, name: str) -> None:
        """Pause the queue, also while Redis has no memory left: an operator may need it then."""
        effects = Effects()
        effects.add_to_set(keys.PAUSED, name)
        self._save.run(effects)

    def resume(self, name: str) -> None:
        with self._store.client() as client:
            client.srem(keys.PAUSED, name)

    def forget(self, name: str) -> bool:
        """Return False also when a task that was submitted since has created the queue again."""
        effects = Effects()
        index, wake_ups = keys.queue_index(name), self._wake_up_of(name).list_key
        effects.remove_if_empty(keys.PAUSED, index, name)
        effects.forget_queue(keys.QUEUES, index, keys.PAUSED, wake_ups, name)
        self._save.run(effects)
        with self._store.client() as client:
            return not client.exists(keys.queue_index(name))

    def _numbers(self, client: Any, queues: Sequence[str]) -> Iterator[tuple[str, bool, int, int]]:
        """Yield each queue, whether it is paused, and its scheduled and waiting tasks.

        A number is 0, and a queue not paused, where a key has the wrong type. One round trip.
        """
        pipeline = client.pipeline(transaction=False)
        pipeline.smismember(keys.PAUSED, queues)
        pipeline.hmget(keys.SCHEDULED_BY_QUEUE, queues)
        for queue in self._paced(queues):
            pipeline.zcard(keys.waiting(queue))
        paused, scheduled, *depths = execute(pipeline)
        nothing = [0] * len(queues)
        paused = nothing if isinstance(paused, Exception) else paused
        scheduled = nothing if isinstance(scheduled, Exception) else scheduled
        for name, *numbers in zip(queues, paused, scheduled, depths, strict=True):
            is_paused, later, depth = map(count_or_zero, numbers)
            yield name, bool(is_paused), later, depth

    def _oldest(self, client: Any, queues: Sequence[str]) -> dict[str, datetime]:
        """Return since when the oldest task of each queue waits, without damaged records.

        Three round trips.
        """
        heads = self._heads(client, queues)
        pipeline = client.pipeline(transaction=False)
        for _, member in self._paced(heads):
            pipeline.hmget(keys.RECORD_PREFIX + member, SUBMITTED, SPEC)
        records = execute(pipeline)
        oldest: dict[str, datetime] = {}
        for (queue, _), record in self._paced(zip(heads, records, strict=True)):
            since = None if isinstance(record, Exception) else waiting_since(*record)
            if since and (queue not in oldest or since < oldest[queue]):
                oldest[queue] = since
        return oldest

    def _heads(self, client: Any, queues: Sequence[str]) -> Sequence[tuple[str, bytes]]:
        """Return the queue and the id of the first task of each priority, which is its oldest.

        Most queues hold one priority only. The first and the last rank show which ones there are.
        """
        pipeline = client.pipeline(transaction=False)
        for queue in self._paced(queues):
            pipeline.zrange(keys.waiting(queue), 0, 0, withscores=True)
            pipeline.zrange(keys.waiting(queue), -1, -1, withscores=True)
        ends = pipeline.execute()
        heads, owners = [], []
        for queue, first, last in self._paced(zip(queues, ends[::2], ends[1::2], strict=True)):
            if not first or not last:
                continue  # the queue was emptied meanwhile
            heads.append((queue, first[0][0]))
            for step in range(_step(first[0][1]) + 1, _step(last[0][1]) + 1):
                low, high = step * PRIORITY_STEP, f"({(step + 1) * PRIORITY_STEP}"
                pipeline.zrange(keys.waiting(queue), low, high, byscore=True, offset=0, num=1)
                owners.append(queue)
        for queue, members in zip(owners, pipeline.execute(), strict=True):
            heads += [(queue, member) for member in members]
        return heads

    def _paced(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the items, and let others run before each of them."""
        for item in items:
            self._let_others_run()
            yield item


def _step(rank: float) -> int:
    """Return the place of a rank's priority, 0 to 9; the nearest for a rank that no task has."""
    return int(min(max(rank, 0), 9 * PRIORITY_STEP) // PRIORITY_STEP)
