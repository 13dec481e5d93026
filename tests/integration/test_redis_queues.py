"""Queues and statistics in Redis keep their contracts, and some promises of their own."""

from datetime import UTC, datetime

import pytest
import redis

from adapters.celery.wake_ups import CeleryWakeUps, WakeUpFactory
from adapters.redis.queues import RedisQueues
from adapters.redis.statistics import RedisStatistics
from adapters.redis.store import RedisStore
from adapters.redis.task_leases import RedisTaskLeases
from adapters.redis.task_repository import RedisTaskRepository
from application.ports.task_repository import Change
from tests.building import a_task
from tests.contracts.queues import QueuesContract
from tests.contracts.statistics import StatisticsContract
from tests.storing import claim, submit


class TestRedisQueues(QueuesContract):
    @pytest.fixture
    def queues(self, redis_store: RedisStore, wake_up_factory: WakeUpFactory) -> RedisQueues:
        return RedisQueues(redis_store, wake_up_factory.wake_up_of)

    def test_a_paused_queue_gets_no_wake_ups(
        self,
        repository: RedisTaskRepository,
        queues: RedisQueues,
        wake_ups: CeleryWakeUps,
        client: redis.Redis,
    ) -> None:
        queues.pause("default")
        submit(repository)

        assert wake_ups.top_up_all() == 0
        assert client.llen("task-manager.work.default") == 0
        queues.resume("default")
        assert wake_ups.top_up_all() == 1

    def test_a_queue_can_be_paused_and_resumed_while_redis_has_no_memory_left(
        self, queues: RedisQueues, client: redis.Redis
    ) -> None:
        client.config_set("maxmemory", 1_000_000)  # less than an empty server uses
        try:
            queues.pause("default")
            assert queues.states(["default"])[0].paused
            queues.resume("default")
            assert not queues.states(["default"])[0].paused
        finally:
            client.config_set("maxmemory", 0)

    def test_the_states_of_many_queues_take_a_bounded_number_of_round_trips(
        self, repository: RedisTaskRepository, queues: RedisQueues, client: redis.Redis, monkeypatch
    ) -> None:
        repository.add([a_task(queue=f"q{number}") for number in range(300)])
        trips = []
        execute = redis.client.Pipeline.execute
        monkeypatch.setattr(
            redis.client.Pipeline,
            "execute",
            lambda self, **options: trips.append(1) or execute(self, **options),
        )

        states = queues.states(queues.names())

        assert [state.depth for state in states] == [1] * 300
        assert None not in {state.oldest_waiting_since for state in states}
        assert len(trips) == 3 * 4, "four of each hundred queues"

    def test_the_state_of_one_queue_reads_nothing_of_the_thousands_of_others(
        self, repository: RedisTaskRepository, queues: RedisQueues, client: redis.Redis
    ) -> None:
        submit(repository)
        client.sadd("tm:paused", *(f"q{number}" for number in range(5_000)))
        client.hset("tm:scheduled-by-queue", mapping={f"q{number}": 1 for number in range(5_000)})
        before = client.info("stats")["total_net_output_bytes"]

        [state] = queues.states(["default"])

        assert state.depth == 1
        assert client.info("stats")["total_net_output_bytes"] - before < 20_000

    def test_others_may_run_between_two_queues_in_every_step(
        self, repository: RedisTaskRepository, redis_store: RedisStore, wake_up_factory
    ) -> None:
        names = [f"q{number}" for number in range(30)]
        repository.add([a_task(queue=name) for name in names])
        turns = []
        queues = RedisQueues(redis_store, wake_up_factory.wake_up_of, lambda: turns.append(1))

        assert len(queues.states(names)) == 30
        assert len(turns) == 6 * 30

    def test_damaged_data_is_reported_as_an_unknown_age_or_depth(
        self, repository: RedisTaskRepository, queues: RedisQueues, client: redis.Redis
    ) -> None:
        submit(repository)
        [record] = client.scan_iter("tm:task:*")
        client.hset(record, "d", "no JSON")
        client.set("tm:waiting:other", "text")

        default, other = queues.states(["default", "other"])

        assert (default.depth, default.oldest_waiting_since, other.depth) == (1, None, 0)


class TestRedisStatistics(StatisticsContract):
    @pytest.fixture
    def statistics(self, redis_store: RedisStore) -> RedisStatistics:
        return RedisStatistics(redis_store)

    def test_durations_read_no_payload_and_no_result_and_let_others_run(
        self,
        repository: RedisTaskRepository,
        leases: RedisTaskLeases,
        redis_store: RedisStore,
        client: redis.Redis,
    ) -> None:
        for _ in range(3):
            submit(repository)
            run = claim(leases)
            repository.save(Change(before=run, after=run.complete("result", datetime.now(UTC))))
        turns: list[int] = []
        client.config_resetstat()

        durations = RedisStatistics(redis_store, lambda: turns.append(1)).durations(tasks=10)

        assert (len(durations.run), len(turns)) == (3, 3)
        assert "cmdstat_hgetall" not in client.info("commandstats")

    def test_the_counters_of_a_minute_expire(
        self, repository: RedisTaskRepository, client: redis.Redis
    ) -> None:
        submit(repository)

        (minute, *_) = client.keys("tm:minute:*")
        assert 3_600 < client.ttl(minute) <= 7_200
