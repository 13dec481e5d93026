"""Pages of tasks from Redis keep their contract, and some promises of their own."""

import json

import pytest
import redis

from adapters.celery.wake_ups import WakeUpFactory
from adapters.redis import keys
from adapters.redis.store import RedisStore
from adapters.redis.task_pages import RedisTaskPages
from adapters.redis.task_repository import RedisTaskRepository
from application.ports.task_repository import PageRequest
from application.task_filter import EVERY_TASK
from tests.contracts.task_pages import TaskPagesContract, read
from tests.storing import submit

CACHE_BYTES = 2**20


class TestRedisTaskPages(TaskPagesContract):
    @pytest.fixture
    def task_pages(self, repository: RedisTaskRepository) -> RedisTaskPages:
        return RedisTaskPages(repository.records, repository.search, cache_bytes=CACHE_BYTES)

    def test_a_task_that_is_gone_is_no_damage(
        self,
        task_pages: RedisTaskPages,
        repository: RedisTaskRepository,
        client: redis.Redis,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        tasks = [submit(repository) for _ in range(2)]
        client.delete(keys.record(tasks[0].task_id))  # as if it was deleted during the read

        shown = read(task_pages.texts(EVERY_TASK, PageRequest()).texts)
        found = repository.get_many([task.task_id for task in tasks])

        assert [each["task_id"] for each in shown] == [tasks[1].task_id]
        assert found == [tasks[1]]
        assert caplog.records == []

    @pytest.mark.parametrize("damage", ["type", "spec", "number"])
    def test_a_damaged_task_hides_no_other(
        self,
        task_pages: RedisTaskPages,
        repository: RedisTaskRepository,
        client: redis.Redis,
        damage: str,
    ) -> None:
        tasks = [submit(repository) for _ in range(3)]
        record = keys.record(tasks[1].task_id)
        if damage == "type":
            client.delete(record)
            client.set(record, "not a record")
        elif damage == "spec":
            client.hset(record, "d", "not JSON")
        else:
            client.hset(record, "u", "soon")

        shown = read(task_pages.texts(EVERY_TASK, PageRequest()).texts)

        assert [each["task_id"] for each in shown] == [tasks[0].task_id, tasks[2].task_id]

    def test_a_number_of_another_kind_is_shown(
        self, task_pages: RedisTaskPages, repository: RedisTaskRepository, client: redis.Redis
    ) -> None:
        task = submit(repository)
        client.hset(keys.record(task.task_id), "d", '{"n":"old","d":3.0}')

        [shown] = read(task_pages.texts(EVERY_TASK, PageRequest()).texts)

        assert (shown["duration"], shown["queue_position"]) == (3.0, 1)

    def test_a_damaged_queue_costs_the_position_alone(
        self, task_pages: RedisTaskPages, repository: RedisTaskRepository, client: redis.Redis
    ) -> None:
        task = submit(repository)
        client.delete(keys.waiting("default"))
        client.set(keys.waiting("default"), "not a queue")

        [shown] = read(task_pages.texts(EVERY_TASK, PageRequest()).texts)

        assert shown["task_id"] == task.task_id
        assert "queue_position" not in shown

    def test_a_page_takes_two_round_trips_and_writes_what_changed(
        self, repository: RedisTaskRepository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pages = RedisTaskPages(repository.records, repository.search, cache_bytes=CACHE_BYTES)
        written: list[bytes] = []

        def count(raw: bytes, record: object):
            written.append(raw)
            return record_text(raw, record)

        from adapters.redis.record_text import record_text

        monkeypatch.setattr("adapters.redis.task_pages.record_text", count)
        first = submit(repository)
        pages.texts(EVERY_TASK, PageRequest())
        second = submit(repository)

        texts = pages.texts(EVERY_TASK, PageRequest()).texts

        assert [raw.hex() for raw in written] == [
            each.task_id.replace("-", "") for each in (first, second)
        ]
        assert [json.loads(each)["queue_position"] for each in texts] == [1, 2]


def test_each_task_of_a_page_is_decoded_when_its_turn_comes(
    redis_store: RedisStore, wake_up_factory: WakeUpFactory
) -> None:
    turns: list[None] = []
    repository = RedisTaskRepository(
        redis_store, wake_up_factory.wake_up_of, 10, let_others_run=lambda: turns.append(None)
    )
    ids = [submit(repository).task_id for _ in range(3)]
    turns.clear()

    decoded = [len(turns) for _ in repository.each_with_position(ids)]

    assert decoded == [1, 2, 3]
