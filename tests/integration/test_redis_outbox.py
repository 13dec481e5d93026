"""The outbox in Redis keeps its contract, and some promises of its own."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import redis

from adapters.redis.clock import RedisClock
from adapters.redis.outbox import RedisOutbox
from adapters.redis.replies import milliseconds
from adapters.redis.store import RedisStore
from adapters.redis.task_repository import RedisTaskRepository
from domain.webhook import DeliveryAttempt
from tests.contracts.outbox import OutboxContract, cancelled


class TestRedisOutbox(OutboxContract):
    @pytest.fixture
    def outbox(self, redis_store: RedisStore) -> RedisOutbox:
        return RedisOutbox(redis_store)

    @pytest.fixture
    def store_clock(self, redis_store: RedisStore) -> RedisClock:
        return RedisClock(redis_store)

    @pytest.fixture
    def let_callback_leases_run_out(
        self, client: redis.Redis, let_a_millisecond_pass: Callable[[], None]
    ) -> Callable[[], None]:
        """Put the end of every lease into the past. The next lease has another end."""

        def end() -> None:
            for entry in client.zrange("tm:outbox", 0, -1):
                client.zadd("tm:outbox", {entry: 1}, xx=True)
            let_a_millisecond_pass()

        return end

    def test_an_entry_whose_webhook_is_gone_leaves_the_outbox(
        self, repository: RedisTaskRepository, outbox: RedisOutbox, client: redis.Redis
    ) -> None:
        cancelled(repository)
        [message] = client.scan_iter("tm:message:*")
        assert 7 * 86_400 < client.ttl(message) <= 8 * 86_400
        client.delete(message)

        assert list(outbox.lease(limit=10, duration=timedelta(seconds=1))) == []
        assert not client.exists("tm:outbox")

    def test_a_webhook_behind_many_entries_without_one_is_taken_at_once(
        self, repository: RedisTaskRepository, outbox: RedisOutbox, client: redis.Redis
    ) -> None:
        gone = [b"%016d1" % number for number in range(20)]
        damaged = [b"%016d2" % number for number in range(20)]
        for entry in damaged:
            client.set(b"tm:message:" + entry, "text")
        client.zadd("tm:outbox", dict.fromkeys([*gone, *damaged], 1))
        good = cancelled(repository)

        taken = outbox.lease(limit=3, duration=timedelta(0))

        assert [each.webhook.task.task_id for each in taken] == [good.task_id]
        assert client.zcard("tm:outbox") == 1 + len(damaged)

    @pytest.mark.parametrize("damage", ["not a record", "wrong type"])
    def test_an_unreadable_webhook_is_set_aside_and_the_others_are_taken(
        self, repository: RedisTaskRepository, outbox: RedisOutbox, client: redis.Redis, damage: str
    ) -> None:
        cancelled(repository)
        [message] = client.scan_iter("tm:message:*")
        if damage == "wrong type":
            client.delete(message)
            client.set(message, "text")
        else:
            client.hset(message, "s", "NONSENSE")
        good = cancelled(repository)

        taken = outbox.lease(limit=10, duration=timedelta(0))

        assert [each.webhook.task.task_id for each in taken] == [good.task_id]
        assert client.zscore("tm:outbox", message.removeprefix(b"tm:message:")) > milliseconds(
            client.time()
        )

    @pytest.mark.parametrize("damage", ["gone", "not JSON"])
    def test_a_webhook_that_is_damaged_or_gone_when_it_is_to_be_sent_does_not_come_again_at_once(
        self, repository: RedisTaskRepository, outbox: RedisOutbox, client: redis.Redis, damage: str
    ) -> None:
        cancelled(repository, payload={"a": 1})
        [message] = client.scan_iter("tm:message:*")
        [taken] = outbox.lease(limit=10, duration=timedelta(0))
        if damage == "gone":
            client.delete(message)
        else:
            client.hset(message, "i", "{")

        assert outbox.whole(taken) is None

        scores = [score for _, score in client.zrange("tm:outbox", 0, -1, withscores=True)]
        now = milliseconds(client.time())
        assert [score > now for score in scores] == ([] if damage == "gone" else [True])

    @pytest.mark.parametrize("entry", [b"", b"a", b"x" * 16 + b"NONSENSE"])
    @pytest.mark.parametrize("score", ["-inf", "1.5", "-1e300"])
    def test_a_damaged_entry_leaves_the_outbox_and_the_others_are_taken(
        self,
        repository: RedisTaskRepository,
        outbox: RedisOutbox,
        client: redis.Redis,
        entry: bytes,
        score: str,
    ) -> None:
        client.execute_command("ZADD", "tm:outbox", score, entry)
        good = cancelled(repository)

        taken = outbox.lease(limit=10, duration=timedelta(0))

        assert [each.webhook.task.task_id for each in taken] == [good.task_id]
        assert client.zcard("tm:outbox") == 1

    def test_the_last_thousand_attempts_are_stored_until_the_task_is_removed(
        self, repository: RedisTaskRepository, outbox: RedisOutbox, client: redis.Redis
    ) -> None:
        task = cancelled(repository)
        now = datetime.now(UTC)
        for _ in range(1_002):
            [taken] = outbox.lease(limit=1, duration=timedelta(seconds=9))
            outbox.record_attempt(
                taken,
                DeliveryAttempt(at=now, status=500, error=None, next_at=now - timedelta(seconds=1)),
            )

        assert [delivery.number for delivery in outbox.deliveries(task.task_id)] == list(
            range(3, 1_003)
        )
        repository.remove(task)
        assert list(client.scan_iter("tm:deliveries:*")) == []
