"""Heartbeats, idempotency records and the clock of Redis keep their contracts."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import redis

from adapters.redis.clock import RedisClock
from adapters.redis.heartbeats import RedisHeartbeats
from adapters.redis.idempotency_records import RedisIdempotencyRecords
from adapters.redis.store import RedisStore
from adapters.redis.task_repository import RedisTaskRepository
from application.errors import StoreUnavailable
from application.ports.heartbeats import ServiceProcess
from application.ports.task_repository import IdempotencyRecord
from tests.building import a_task
from tests.contracts.clock import ClockContract
from tests.contracts.heartbeats import HeartbeatsContract, a_process
from tests.contracts.idempotency_records import IdempotencyRecordsContract


class TestRedisHeartbeats(HeartbeatsContract):
    @pytest.fixture
    def heartbeats(self, redis_store: RedisStore) -> RedisHeartbeats:
        return RedisHeartbeats(redis_store)

    def test_a_process_is_alive_for_15_seconds_and_returned_for_30_more(
        self, heartbeats: RedisHeartbeats, client: redis.Redis
    ) -> None:
        heartbeats.beat(a_process(name="old"))
        [old] = client.zrange("tm:alive:worker", 0, -1)
        client.zincrby("tm:alive:worker", -15_001, old)

        assert list(heartbeats.alive("worker")) == []
        assert [beat.process.name for beat in heartbeats.recently_alive("worker")] == ["old"]
        heartbeats.beat(a_process(name="new"))
        assert client.zcard("tm:alive:worker") == 2
        client.zincrby("tm:alive:worker", -30_000, old)
        assert [beat.process.name for beat in heartbeats.recently_alive("worker")] == ["new"]
        heartbeats.beat(a_process(name="new"))
        assert client.zcard("tm:alive:worker") == 1

    def test_a_process_can_end_while_the_store_is_full(
        self, heartbeats: RedisHeartbeats, client: redis.Redis
    ) -> None:
        heartbeats.beat(a_process())
        before = client.config_get("maxmemory")["maxmemory"]
        client.config_set("maxmemory", 1)
        try:
            heartbeats.end(a_process())
            assert list(heartbeats.alive("worker")) == []
        finally:
            client.config_set("maxmemory", before)

    @pytest.mark.parametrize("sign", [RedisHeartbeats.beat, RedisHeartbeats.end])
    def test_a_key_of_the_wrong_type_counts_as_no_heartbeats_and_the_next_one_replaces_it(
        self,
        heartbeats: RedisHeartbeats,
        client: redis.Redis,
        sign: Callable[[RedisHeartbeats, ServiceProcess], None],
    ) -> None:
        client.set("tm:alive:worker", "text")
        assert (heartbeats.alive("worker"), heartbeats.recently_alive("worker")) == ([], [])

        sign(heartbeats, a_process(name="new"))

        assert [beat.process.name for beat in heartbeats.recently_alive("worker")] == ["new"]

    def test_a_server_that_refuses_writes_is_unavailable_to_a_pipeline(
        self, heartbeats: RedisHeartbeats, client: redis.Redis
    ) -> None:
        client.config_set("min-replicas-to-write", 1)
        try:
            with pytest.raises(StoreUnavailable):
                heartbeats.beat(a_process())
        finally:
            client.config_set("min-replicas-to-write", 0)


class TestRedisIdempotencyRecords(IdempotencyRecordsContract):
    @pytest.fixture
    def idempotency_records(self, redis_store: RedisStore) -> RedisIdempotencyRecords:
        return RedisIdempotencyRecords(redis_store)

    @pytest.fixture
    def let_a_day_pass(self, client: redis.Redis) -> Callable[[], None]:
        def older() -> None:
            for name in client.zrange("tm:receipts", 0, -1):
                client.zincrby("tm:receipts", -86_400_000, name)

        return older

    def test_records_are_renewed_and_forgotten_while_redis_is_beyond_its_memory(
        self,
        repository: RedisTaskRepository,
        idempotency_records: RedisIdempotencyRecords,
        let_a_day_pass: Callable[[], None],
        client: redis.Redis,
    ) -> None:
        for key in ("waits", "is over"):
            repository.add([a_task()], IdempotencyRecord(key=key, request_hash=b"1" * 32))
        let_a_day_pass()
        waits, is_over = idempotency_records.due(timedelta(days=1), limit=10)
        client.config_set("maxmemory", 1_000_000)  # less than an empty server uses
        try:
            idempotency_records.renew(waits)
            idempotency_records.forget(is_over)
        finally:
            client.config_set("maxmemory", 0)

        assert list(idempotency_records.due(timedelta(days=1), limit=10)) == []
        assert client.zrange("tm:receipts", 0, -1) == [bytes.fromhex(waits.name)]


class TestRedisClock(ClockContract):
    @pytest.fixture
    def clock(self, redis_store: RedisStore) -> RedisClock:
        return RedisClock(redis_store)
