"""Wake-ups: Celery messages that say that a queue has work."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

from celery import Celery
from kombu.transport import memory, virtual
from kombu.utils.json import dumps

from adapters.celery.app import WORK_TASK, queue_of_wake_ups
from adapters.redis import keys
from adapters.redis.effects import Effects
from adapters.redis.indexes import top_up
from adapters.redis.lanes import lanes_of, queue_of
from adapters.redis.replies import execute
from adapters.redis.save_script import SaveReply, SaveScript
from adapters.redis.store import RedisStore
from adapters.redis.wake_ups import WAKE_UP_NUMBER, WakeUp
from application.errors import StoreFull
from application.ports.wake_ups import WakeUps
from application.skipped_items import SkippedItems
from application.sweep import BUDGET_SECONDS

MAX_WAITING_WAKE_UPS = 16
"""Maximum of waiting wake-ups of a queue: enough to wake many workers at once, and still few."""
MAX_CACHED_WAKE_UPS = 1_000
"""A wake-up takes half a millisecond to build and 2 kB to cache."""
SCAN_COUNT = 500
"""Queues that one round trip reads."""
TAKEOVER_SECONDS = 60.0


class _OwnChannel(memory.Channel):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.queues: dict[str, Any] = {}


class _OwnMemory(memory.Transport):
    """Each connection has its own queues and bindings.

    Those of kombu's memory transport belong to the process and stay as long as it lives, and a
    thread would get the message of another.
    """

    Channel = _OwnChannel

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.state = virtual.BrokerState()


class WakeUpFactory:
    """Builds the wake-up of a queue as Celery would send it.

    It publishes the message to kombu's memory transport, which holds what the Redis transport would
    write: whatever kombu puts into a message is in a wake-up, too.
    """

    def __init__(self, app: Celery) -> None:
        self._app = app
        self.wake_up_of = lru_cache(MAX_CACHED_WAKE_UPS)(self._build)

    def _build(self, queue: str) -> WakeUp:
        celery_queue, amqp = queue_of_wake_ups(queue), self._app.amqp
        with self._app.connection_for_write("memory://", transport=_OwnMemory) as connection:
            message = amqp.as_task_v2(WAKE_UP_NUMBER, WORK_TASK, args=(queue,), ignore_result=True)
            amqp.send_task_message(
                amqp.Producer(connection), WORK_TASK, message, queue=celery_queue, retry=False
            )
            channel: Any = connection.default_channel
            published = channel._get(celery_queue.name)
        published["properties"]["delivery_tag"] = WAKE_UP_NUMBER
        return WakeUp(
            list_key=celery_queue.name.encode(),
            template=dumps(published).encode(),
            bound=MAX_WAITING_WAKE_UPS,
        )


class CeleryWakeUps(WakeUps):
    """One instance per process: it remembers which queues it looked at last."""

    def __init__(self, store: RedisStore, wake_up_factory: WakeUpFactory) -> None:
        self._store = store
        self._wake_up_factory = wake_up_factory
        self._save = SaveScript(store)
        self._skipped_items = SkippedItems()
        self._waiting_cursor = self._names_cursor = 0
        self._next_takeover = 0.0

    def top_up_all(self) -> int:
        self._take_over()
        began, put = time.monotonic(), 0
        while True:
            self._waiting_cursor, queues = self._scan(keys.WAITING_QUEUES, self._waiting_cursor)
            put += sum(reply.wake_ups_put for reply in self._each(self._repairs(queues)))
            if not self._waiting_cursor or time.monotonic() - began >= BUDGET_SECONDS:
                return put

    def top_up(self, queue: str) -> int:
        replies = [self._save.run(self._topping_up(lane)) for lane in lanes_of(queue)]
        return sum(reply.wake_ups_put for reply in replies)

    def forget_unused(self) -> Sequence[str]:
        self._names_cursor, queues = self._scan(keys.QUEUES, self._names_cursor)
        with self._store.client() as client:
            paused = client.smembers(keys.PAUSED)
            pipeline = client.pipeline(transaction=False)
            for queue in queues:
                pipeline.exists(keys.queue_index(queue))
            named = pipeline.execute()
        unused = [
            queue
            for queue, is_named in zip(queues, named, strict=True)
            if not is_named and queue.encode() not in paused
        ]
        self._each({queue: self._forgetting(queue) for queue in unused})
        return unused

    def _take_over(self) -> None:
        """Check all queues every minute: earlier versions do not mark waiting queues."""
        if time.monotonic() >= self._next_takeover:
            with suppress(StoreFull), self._store.client() as client:
                client.sunionstore(keys.WAITING_QUEUES, [keys.WAITING_QUEUES, keys.QUEUES])
                self._next_takeover = time.monotonic() + TAKEOVER_SECONDS

    def _scan(self, names: bytes, cursor: int) -> tuple[int, Sequence[str]]:
        with self._store.client() as client:
            following, members = client.sscan(names, cursor, count=SCAN_COUNT)
        return following, list(filter(None, map(self._name, members)))

    def _name(self, member: bytes) -> str | None:
        """Return the name of a queue; None for damaged text, which is logged once."""
        try:
            return member.decode()
        except UnicodeDecodeError as error:
            self._skipped_items.log_once("read_queue_name", repr(member), error)
            return None

    def _repairs(self, lanes: Sequence[str]) -> Mapping[str, Effects]:
        """Return effects for each lane that lacks wake-ups or is empty, after one round trip."""
        with self._store.client() as client:
            pipeline = client.pipeline(transaction=False)
            pipeline.smembers(keys.PAUSED)
            for lane in lanes:
                pipeline.zcard(keys.waiting(lane)).llen(queue_of_wake_ups(lane).name)
            paused, *sizes = execute(pipeline)
        repairs = {}
        for lane, waiting, wake_ups in zip(lanes, sizes[::2], sizes[1::2], strict=True):
            replies = (paused, waiting, wake_ups)
            if damage := next((each for each in replies if isinstance(each, Exception)), None):
                self._skipped_items.log_once("replenish", lane, damage)
            elif not waiting:
                repairs[lane] = self._resting(lane)
            elif (
                wake_ups < min(waiting, MAX_WAITING_WAKE_UPS)
                and queue_of(lane).encode() not in paused
            ):
                repairs[lane] = self._topping_up(lane)
        return repairs

    def _each(self, effects: Mapping[str, Effects]) -> Sequence[SaveReply]:
        """Make the effects of each queue. Returns the replies without those of damaged queues."""
        replies = self._save.run_each(list(effects.values()))
        for queue, reply in zip(effects, replies, strict=True):
            if isinstance(reply, Exception):
                self._skipped_items.log_once("replenish", queue, reply)
        return [reply for reply in replies if not isinstance(reply, Exception)]

    def _topping_up(self, lane: str) -> Effects:
        effects = Effects()
        top_up(effects, lane, self._wake_up_factory.wake_up_of(lane))
        return effects

    def _resting(self, lane: str) -> Effects:
        effects = Effects()
        effects.remove_if_empty(keys.WAITING_QUEUES, keys.waiting(lane), lane)
        return effects

    def _forgetting(self, queue: str) -> Effects:
        effects = Effects()
        index = keys.queue_index(queue)
        for lane in lanes_of(queue):
            wake_ups = queue_of_wake_ups(lane).name.encode()
            effects.forget_queue(keys.QUEUES, index, keys.PAUSED, wake_ups, queue)
        return effects
