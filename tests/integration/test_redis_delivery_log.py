"""The log of deliveries in Redis keeps its contract, and some promises of its own."""

import pytest
import redis

from adapters.redis import keys
from adapters.redis.clock import RedisClock
from adapters.redis.delivery_log import CHUNK, RedisDeliveryLog
from adapters.redis.outbox import RedisOutbox
from adapters.redis.store import RedisStore
from adapters.redis.task_repository import RedisTaskRepository
from application.ports.delivery_log import MAX_LOGGED, DeliveryFilter
from domain.webhook import DeliveryOutcome
from tests.contracts.delivery_log import EVERY, DeliveryLogContract, deliver, pages

ATTEMPT = '[3, "task.cancelled", 1768287189125, 204, null, null]'
FAILED = '[3, "task.cancelled", 1768287189125, 410, null, null]'


def log_many(client: redis.Redis, number: int, attempt: str = ATTEMPT) -> None:
    pipeline = client.pipeline(transaction=False)
    for at in range(number):
        entry = {"id": b"%016d" % at, "host": "a.example", "number": 1, "attempt": attempt}
        pipeline.xadd(keys.DELIVERY_LOG, entry)
    pipeline.execute()


class TestRedisDeliveryLog(DeliveryLogContract):
    @pytest.fixture
    def outbox(self, redis_store: RedisStore) -> RedisOutbox:
        return RedisOutbox(redis_store)

    @pytest.fixture
    def delivery_log(self, redis_store: RedisStore) -> RedisDeliveryLog:
        return RedisDeliveryLog(redis_store)

    @pytest.fixture
    def store_clock(self, redis_store: RedisStore) -> RedisClock:
        return RedisClock(redis_store)

    def test_the_log_has_a_limit_and_is_searched_to_its_end(
        self,
        repository: RedisTaskRepository,
        outbox: RedisOutbox,
        delivery_log: RedisDeliveryLog,
        store_clock: RedisClock,
        client: redis.Redis,
    ) -> None:
        log_many(client, 1, FAILED)
        log_many(client, 2 * CHUNK)
        wanted = DeliveryFilter(outcomes=frozenset({DeliveryOutcome.GIVEN_UP}))
        assert list(map(len, pages(delivery_log, wanted, 10))) == [1]
        assert sum(map(len, pages(delivery_log, EVERY, 100))) == 2 * CHUNK + 1
        log_many(client, MAX_LOGGED)

        deliver(repository, outbox, store_clock, DeliveryOutcome.GIVEN_UP)

        assert client.xlen(keys.DELIVERY_LOG) <= MAX_LOGGED + 200
        assert list(map(len, pages(delivery_log, wanted, 10))) == [1]
        assert client.memory_usage(keys.DELIVERY_LOG, samples=0) < 3_000_000

    def test_damaged_entries_are_left_out_and_do_not_hold_up_deliveries(
        self,
        repository: RedisTaskRepository,
        outbox: RedisOutbox,
        delivery_log: RedisDeliveryLog,
        store_clock: RedisClock,
        client: redis.Redis,
    ) -> None:
        whole = {"id": b"x" * 16, "host": "a", "number": 1, "attempt": ATTEMPT}
        changes = [{"id": b"x"}, {"host": b"\xff"}, {"number": "x"}, {"attempt": b"\xff"}]
        for damage in (*changes, {"attempt": "[]"}, {"attempt": "{}"}):
            client.xadd(keys.DELIVERY_LOG, {**whole, **damage})
        client.xadd(keys.DELIVERY_LOG, {"a": "b"})
        task = deliver(repository, outbox, store_clock, DeliveryOutcome.DELIVERED)

        assert [each.task_id for each in delivery_log.latest(EVERY, limit=9).deliveries] == [
            task.task_id
        ]

        client.delete(keys.DELIVERY_LOG)
        client.set(keys.DELIVERY_LOG, "text")
        task = deliver(repository, outbox, store_clock, DeliveryOutcome.DELIVERED)
        assert len(outbox.deliveries(task.task_id)) == 1
        assert list(delivery_log.latest(EVERY, limit=9).deliveries) == []
        assert delivery_log.pending() == 0
