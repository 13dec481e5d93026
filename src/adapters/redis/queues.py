"""The queues in Redis."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from adapters.redis import keys
from adapters.redis.effects import Effects
from adapters.redis.entries import held_entry
from adapters.redis.indexes import PRIORITY_STEP, WakeUpOf
from adapters.redis.lanes import lanes_of, queue_of
from adapters.redis.replies import count_or_zero, execute, sorted_texts
from adapters.redis.save_script import SaveScript
from adapters.redis.store import RedisStore
from adapters.redis.task_codec import SPEC, SUBMITTED
from adapters.redis.waiting_since import waiting_since
from application.owners import slot_of
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
            lanes = sorted_texts(client.smembers(keys.WAITING_QUEUES))
        return sorted(set(map(queue_of, lanes)))

    def states(self, names: Sequence[str]) -> Sequence[QueueState]:
        if not names:
            return []
        with self._store.client() as client:
            processing, io_processing = _running(client.hgetall(keys.HELD))
            paused: dict[str, bool] = {}
            scheduled: dict[str, int] = {}
            depths: dict[str, tuple[int, int]] = {}
            oldest: dict[str, datetime] = {}
            for at in range(0, len(names), CHUNK):
                some = names[at : at + CHUNK]
                for name, is_paused, later, alone, io in self._numbers(client, some):
                    paused[name], scheduled[name], depths[name] = is_paused, later, (alone, io)
                oldest |= self._oldest(client, _used_lanes(some, depths))
        return [
            QueueState(
                name=name,
                depth=sum(depths[name]),
                io_depth=depths[name][1],
                processing=processing[name],
                io_processing=io_processing[name],
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
        index = keys.queue_index(name)
        effects.remove_if_empty(keys.PAUSED, index, name)
        for lane in lanes_of(name):
            wake_ups = self._wake_up_of(lane).list_key
            effects.forget_queue(keys.QUEUES, index, keys.PAUSED, wake_ups, name)
        self._save.run(effects)
        with self._store.client() as client:
            return not client.exists(keys.queue_index(name))

    def _numbers(
        self, client: Any, queues: Sequence[str]
    ) -> Iterator[tuple[str, bool, int, int, int]]:
        """Yield each queue, whether it is paused, its scheduled tasks, and those of each lane.

        A number is 0, and a queue not paused, where a key has the wrong type. One round trip.
        """
        pipeline = client.pipeline(transaction=False)
        pipeline.smismember(keys.PAUSED, queues)
        pipeline.hmget(keys.SCHEDULED_BY_QUEUE, queues)
        for queue in self._paced(queues):
            for lane in lanes_of(queue):
                pipeline.zcard(keys.waiting(lane))
        paused, scheduled, *depths = execute(pipeline)
        nothing = [0] * len(queues)
        paused = nothing if isinstance(paused, Exception) else paused
        scheduled = nothing if isinstance(scheduled, Exception) else scheduled
        replies = (queues, paused, scheduled, depths[::2], depths[1::2])
        for name, *numbers in zip(*replies, strict=True):
            is_paused, later, alone, io = map(count_or_zero, numbers)
            yield name, bool(is_paused), later, alone, io

    def _oldest(self, client: Any, lanes: Sequence[str]) -> dict[str, datetime]:
        """Return since when the oldest task of each queue waits, without damaged records.

        Three round trips.
        """
        heads = self._heads(client, lanes)
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

    def _heads(self, client: Any, lanes: Sequence[str]) -> Sequence[tuple[str, bytes]]:
        """Return the queue and the id of the first task of each lane and priority.

        It is the oldest of these. Most lanes hold one priority only. The first and the last rank
        show which ones there are.
        """
        pipeline = client.pipeline(transaction=False)
        for lane in self._paced(lanes):
            pipeline.zrange(keys.waiting(lane), 0, 0, withscores=True)
            pipeline.zrange(keys.waiting(lane), -1, -1, withscores=True)
        ends = execute(pipeline)
        heads, owners = [], []
        for lane, first, last in self._paced(zip(lanes, ends[::2], ends[1::2], strict=True)):
            if isinstance(first, Exception) or not first or not last:
                continue  # the lane is empty, or damaged
            heads.append((queue_of(lane), first[0][0]))
            for step in range(_step(first[0][1]) + 1, _step(last[0][1]) + 1):
                low, high = step * PRIORITY_STEP, f"({(step + 1) * PRIORITY_STEP}"
                pipeline.zrange(keys.waiting(lane), low, high, byscore=True, offset=0, num=1)
                owners.append(queue_of(lane))
        for queue, members in zip(owners, pipeline.execute(), strict=True):
            heads += [(queue, member) for member in members]
        return heads

    def _paced(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the items, and let others run before each of them."""
        for item in items:
            self._let_others_run()
            yield item


def _running(held: Mapping[bytes, bytes]) -> tuple[Counter[str], Counter[str]]:
    """Return the number of running tasks of each queue: of all, and of those in I/O pools."""
    every, io = Counter[str](), Counter[str]()
    for owner, entry in held.items():
        queue = held_entry(entry)[1]
        every[queue] += 1
        io[queue] += slot_of(owner.decode(errors="replace")) is not None
    return every, io


def _used_lanes(queues: Sequence[str], depths: Mapping[str, tuple[int, int]]) -> Sequence[str]:
    """Return the lanes of the queues in which tasks wait."""
    pairs = (zip(lanes_of(queue), depths[queue], strict=True) for queue in queues)
    return [lane for pair in pairs for lane, size in pair if size]


def _step(rank: float) -> int:
    """Return the place of a rank's priority, 0 to 9; the nearest for a rank that no task has."""
    return int(min(max(rank, 0), 9 * PRIORITY_STEP) // PRIORITY_STEP)
