"""Progress and logs in Redis keep their contract, and some promises of their own."""

import json
from datetime import UTC, datetime

import pytest
import redis

from adapters.redis.id_codec import id_bytes
from adapters.redis.run_log import RedisRunLog
from adapters.redis.store import RedisStore
from adapters.redis.task_repository import RedisTaskRepository
from application.ports.run import MAX_LOG_BYTES
from application.ports.task_repository import Change
from domain.task import Task
from tests.contracts.run_log import RunLogContract
from tests.integration.conftest import EVENTS_KEPT


class TestRedisRunLog(RunLogContract):
    @pytest.fixture
    def run_log(self, redis_store: RedisStore) -> RedisRunLog:
        return RedisRunLog(redis_store, EVENTS_KEPT)

    @pytest.fixture
    def key(self, run: Task) -> bytes:
        """Return the key of the run's log."""
        return b"tm:log:" + id_bytes(run.task_id)

    def test_the_log_keeps_the_last_thousand_lines_with_time_and_attempt_until_the_task_is_removed(
        self,
        repository: RedisTaskRepository,
        run_log: RedisRunLog,
        client: redis.Redis,
        run: Task,
        key: bytes,
    ) -> None:
        for number in range(1_001):
            run_log.append(run, lines=[f"line {number}\n\x00"])

        lines = client.lrange(key, 0, -1)
        at, line = lines[-1].split(b" ", 1)
        assert len(lines) == 1_000
        assert json.loads(line) == [1, "line 1000\n\x00"]
        assert abs(int(at) / 1000 - client.time()[0]) < 60
        done = repository.save(Change(before=run, after=run.complete(None, datetime.now(UTC))))
        repository.remove(done)
        assert not client.exists(key)

    def test_a_log_of_emoji_takes_about_a_megabyte_of_redis(
        self, run_log: RedisRunLog, client: redis.Redis, run: Task, key: bytes
    ) -> None:
        for _ in range(20):
            run_log.append(run, lines=["🥁" * 2_000] * 50)

        assert client.memory_usage(key, samples=0) < 1.2 * MAX_LOG_BYTES
        size = sum(map(len, client.lrange(key, 0, -1)))
        assert int(client.hget(b"tm:task:" + id_bytes(run.task_id), "l")) == size <= MAX_LOG_BYTES
        run_log.append(run, lines=["\0" * MAX_LOG_BYTES])
        assert list(run_log.lines(run.task_id)) == []
        run_log.append(run, lines=["line"])
        assert [line.message for line in run_log.lines(run.task_id)] == ["line"]

    def test_a_log_of_an_older_version_is_read_and_bounded_from_its_next_line_on(
        self, run_log: RedisRunLog, client: redis.Redis, run: Task, key: bytes
    ) -> None:
        client.rpush(key, *(f"1768287189125 {json.dumps([1, '🥁' * 2_000])}" for _ in range(100)))

        assert [line.message for line in run_log.lines(run.task_id)] == ["🥁" * 2_000] * 100
        run_log.append(run, lines=["new"])

        lines = client.lrange(key, 0, -1)
        assert MAX_LOG_BYTES - 30_000 < sum(map(len, lines)) <= MAX_LOG_BYTES
        assert run_log.lines(run.task_id)[-1].message == "new"

    def test_damaged_lines_are_left_out(
        self, run_log: RedisRunLog, client: redis.Redis, run: Task, key: bytes
    ) -> None:
        record = b"tm:task:" + id_bytes(run.task_id)
        client.rpush(
            key, b"", b"\xff", b"1 2", b"x [1]", b'1 [1, "one", 2]', b"9" * 400 + b" [1, 2]"
        )
        run_log.append(run, lines=["good"])

        assert [(line.number, line.message) for line in run_log.lines(run.task_id)] == [(7, "good")]

        for limit in (1, 3, 7):
            [line] = run_log.lines(run.task_id, limit=limit)
            assert line.message == "good"

        client.hset(record, "k", b"\xff")
        assert [line.message for line in run_log.lines(run.task_id)] == ["good"]
        run_log.append(run, lines=["x"] * 1_000)
        assert run_log.lines(run.task_id)[0].number == 8
        client.delete(key)
        client.set(key, "text")
        assert list(run_log.lines(run.task_id)) == []
