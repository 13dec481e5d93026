"""Schedules in Redis keep their contract, and some promises of their own."""

import threading

import pytest
import redis

from adapters.redis import keys
from adapters.redis.connection import connect_blocking
from adapters.redis.event_stream import RedisEventStream
from adapters.redis.schedules import RedisSchedules
from adapters.redis.store import RedisStore
from adapters.redis.task_repository import RedisTaskRepository
from application.errors import StoreFull, TooManyQueues
from application.ports.schedules import StaleSchedule
from domain.events import Event
from domain.schedule import SkipReason
from domain.task_state import ScheduleSlot
from tests.building import NOON, a_spec
from tests.contracts.event_stream import SOON
from tests.contracts.schedules import CRON_AFTER, LIMIT, SchedulesContract, a_schedule
from tests.integration.conftest import EVENTS_KEPT
from tests.storing import total


class TestRedisSchedules(SchedulesContract):
    @pytest.fixture
    def schedules(self, redis_store: RedisStore, repository: RedisTaskRepository) -> RedisSchedules:
        return RedisSchedules(redis_store, repository, LIMIT, events_kept=EVENTS_KEPT)

    @pytest.mark.parametrize(
        "damage", [{"d": "x"}, {"v": "x"}, {"d": "[]"}, {"d": '{"version": 1}'}, {"d": b"\xff"}]
    )
    def test_a_damaged_one_hides_no_other(
        self, schedules: RedisSchedules, client: redis.Redis, damage: dict[str, str]
    ) -> None:
        schedules.add(a_schedule("a"))
        schedules.add(a_schedule("b"))
        client.hset(keys.schedule("a"), mapping=damage)  # type: ignore[arg-type]

        assert schedules.get("a") is None
        assert [each.name for each in schedules.each()] == ["b"]
        assert [each.name for each in schedules.due(limit=9)] == ["b"]
        assert client.zrangebyscore(keys.SCHEDULES_DUE, 0, client.time()[0] * 1000) == [b"b"]

    def test_one_that_fails_again_is_set_aside_again(
        self, schedules: RedisSchedules, client: redis.Redis
    ) -> None:
        schedule = a_schedule()
        schedules.add(schedule)
        schedules.set_aside(schedule)
        client.zadd(keys.SCHEDULES_DUE, {schedule.name: 0})  # its minute is over
        assert schedules.due(limit=9)

        schedules.set_aside(schedule)

        assert schedules.due(limit=9) == []

    def test_one_of_many_processes_makes_the_step(
        self, schedules: RedisSchedules, repository: RedisTaskRepository
    ) -> None:
        before = a_schedule()
        schedules.add(before)
        after, task = before.make(NOON, CRON_AFTER)
        barrier, outcomes = threading.Barrier(8), []

        def step() -> None:
            barrier.wait()
            try:
                outcomes.append(schedules.save_with_task(before, after, task).task_id)
            except StaleSchedule:
                outcomes.append("stale")

        threads = [threading.Thread(target=step) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(outcomes) == sorted([task.task_id, *["stale"] * 7])
        assert total(repository) == 1

    def test_a_full_store_takes_neither_a_schedule_nor_the_task_of_a_slot(
        self, schedules: RedisSchedules, client: redis.Redis, repository: RedisTaskRepository
    ) -> None:
        before = a_schedule()
        schedules.add(before)
        client.set(keys.FULL, "1")
        after, task = before.make(NOON, CRON_AFTER)

        with pytest.raises(StoreFull):
            schedules.add(a_schedule("other"))
        with pytest.raises(StoreFull):
            schedules.save_with_task(before, after, task)

        assert schedules.get("nightly") == before
        assert total(repository) == 0

    def test_a_skipped_slot_is_an_event(
        self,
        schedules: RedisSchedules,
        redis_store: RedisStore,
        redis_url: str,
        client: redis.Redis,
    ) -> None:
        payload = {"url": "https://example.com/", "body": "x" * 5_000, "key": "********"}
        secrets = {"m": {"key": {"v": "hunter2-hunter2"}}}
        before = a_schedule(task=a_spec(type="http", payload=payload, secrets=secrets, queue="q"))
        schedules.add(before)
        assert before.next_slot
        after = before.skip([before.next_slot], SkipReason.OVERLAP, CRON_AFTER)
        stream = RedisEventStream(redis_store, connect_blocking(redis_url))

        with stream.subscribe() as subscription:
            schedules.save(before, after)
            event = subscription.next(SOON)
        stream.close()

        assert event
        assert (event.event, event.skip) == (Event.SCHEDULE_SKIPPED, after.last_skip)
        assert event.task.schedule == ScheduleSlot(name="nightly", slot=before.next_slot)
        assert (event.task.spec.queue, event.task.omitted) == ("q", ("payload",))
        assert b"hunter2" not in repr(client.xrange(keys.EVENTS)).encode()

    def test_a_slot_makes_no_queue_beyond_the_limit(
        self, redis_store: RedisStore, wake_up_factory, client: redis.Redis
    ) -> None:
        repository = RedisTaskRepository(redis_store, wake_up_factory.wake_up_of, 10, max_queues=1)
        schedules = RedisSchedules(redis_store, repository, events_kept=10)
        client.sadd(keys.QUEUES, "other")
        before = a_schedule(task=a_spec(queue="new"))
        schedules.add(before)
        after, task = before.make(NOON, CRON_AFTER)

        with pytest.raises(TooManyQueues):
            schedules.save_with_task(before, after, task)

        assert schedules.get("nightly") == before
