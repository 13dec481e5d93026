"""The history of tasks in Redis keeps its contract, and some promises of its own."""

from datetime import UTC, datetime

import pytest
import redis

from adapters.redis import keys
from adapters.redis.store import RedisStore
from adapters.redis.task_codec import COMPLETED_BY, SUBMITTED_BY
from adapters.redis.task_history import RedisTaskHistory
from adapters.redis.task_leases import RedisTaskLeases
from adapters.redis.task_repository import RedisTaskRepository
from application.ports.task_history import StoredHistory
from domain.actor import MAINTENANCE
from tests.contracts.task_history import TaskHistoryContract
from tests.storing import claim, completed, rename, stored, submit


class TestRedisTaskHistory(TaskHistoryContract):
    @pytest.fixture
    def history(self, redis_store: RedisStore) -> RedisTaskHistory:
        return RedisTaskHistory(redis_store)

    def test_a_task_that_succeeds_at_once_has_no_key_of_its_own_for_it(
        self, repository: RedisTaskRepository, leases: RedisTaskLeases, client: redis.Redis
    ) -> None:
        submit(repository)
        repository.save(completed(claim(leases)))

        assert list(client.scan_iter("tm:history:*")) == []

    def test_damaged_parts_are_left_out_and_do_not_hold_up_the_task(
        self,
        repository: RedisTaskRepository,
        history: RedisTaskHistory,
        client: redis.Redis,
    ) -> None:
        task = submit(repository)
        key = keys.history(task.task_id)
        client.rpush(key, b"", b"\xff\xfe", b"[1,2]1768287189125", b"[]" + b"9" * 400, b'{"a":1}')
        damaged = {SUBMITTED_BY: b"\xff", COMPLETED_BY: b"\xff"}
        client.hset(keys.record(task.task_id), mapping=damaged)

        task = repository.save(rename(task, "renamed"))

        found = history.stored(task.task_id)
        assert [entry.version for entry in found.changes] == [2]
        assert (found.submitted_by, found.completed_by) == (None, None)
        client.delete(key)
        client.set(key, "text")
        task = repository.save(rename(task, "again"))
        assert history.stored(task.task_id) == StoredHistory()
        assert stored(repository, task).spec.task_name == "again"

    def test_a_task_of_an_older_version_of_the_service_can_be_read(
        self, repository: RedisTaskRepository, history: RedisTaskHistory, client: redis.Redis
    ) -> None:
        task = submit(repository)
        client.hdel(keys.record(task.task_id), SUBMITTED_BY)

        assert history.stored(task.task_id) == StoredHistory()
        ended = task.cancel(datetime.now(UTC))
        assert stored(repository, task) == task
        assert ended.version == task.version + 1
        assert MAINTENANCE.kind == "maintenance"
