"""The attempts of tasks in Redis keep their contract, and some promises of their own."""

from datetime import UTC, datetime

import pytest
import redis

from adapters.redis import keys
from adapters.redis.attempt_log import RedisAttemptLog
from adapters.redis.store import RedisStore
from adapters.redis.task_leases import RedisTaskLeases
from adapters.redis.task_repository import RedisTaskRepository
from application.ports.task_repository import Change
from domain.status import Status
from tests.building import AN_ERROR
from tests.contracts.attempt_log import AttemptLogContract
from tests.storing import claim, completed, stored, submit


class TestRedisAttemptLog(AttemptLogContract):
    @pytest.fixture
    def attempt_log(self, redis_store: RedisStore) -> RedisAttemptLog:
        return RedisAttemptLog(redis_store)

    def test_a_task_that_succeeds_at_once_takes_no_memory(
        self, repository: RedisTaskRepository, leases: RedisTaskLeases, client: redis.Redis
    ) -> None:
        submit(repository)
        repository.save(completed(claim(leases)))

        assert list(client.scan_iter("tm:attempts:*")) == []

    def test_damaged_entries_are_left_out_and_do_not_hold_up_the_task(
        self,
        repository: RedisTaskRepository,
        leases: RedisTaskLeases,
        attempt_log: RedisAttemptLog,
        client: redis.Redis,
    ) -> None:
        task = submit(repository)
        key = keys.attempts(task.task_id)
        client.rpush(key, b"", b"\xff\xfe", b"[1,2]1768287189125", b"[]" + b"9" * 400, b'{"a":1}')
        run = claim(leases)

        repository.save(Change(before=run, after=run.stop(run.started_at)))

        assert [entry.started_at for entry in attempt_log.entries(task.task_id)] == [run.started_at]
        client.delete(key)
        client.set(key, "text")
        run = claim(leases)
        repository.save(Change(before=run, after=run.fail(AN_ERROR, datetime.now(UTC))))
        assert list(attempt_log.entries(task.task_id)) == []
        assert stored(repository, task).status is Status.FAILED
