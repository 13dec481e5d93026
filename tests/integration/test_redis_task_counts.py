"""Counts of tasks in Redis keep their contract, and some promises of their own."""

import pytest
import redis

from adapters.redis import keys
from adapters.redis.store import RedisStore
from adapters.redis.task_counts import MAX_COMPARED, RedisTaskCounts
from application.task_filter import TaskFilter
from domain.status import Status
from tests.contracts.task_counts import TaskCountsContract


def fill(client: redis.Redis, number: int, *indexes: bytes, first: int = 0) -> None:
    """Add members to indexes."""
    members = {b"%016d" % member: 1 for member in range(first, first + number)}
    for index in indexes:
        client.zadd(index, members)


class TestRedisTaskCounts(TaskCountsContract):
    @pytest.fixture
    def task_counts(self, redis_store: RedisStore) -> RedisTaskCounts:
        return RedisTaskCounts(redis_store)

    def test_one_large_status_follows_from_the_others_and_two_are_not_known(
        self, task_counts: RedisTaskCounts, client: redis.Redis
    ) -> None:
        queue, label = keys.queue_index("default"), keys.label_index("a", "b")
        many = MAX_COMPARED + 5
        fill(client, many, queue, label, keys.status_index(Status.COMPLETED))
        fill(client, 3, queue, label, keys.status_index(Status.FAILED), first=many)

        one = task_counts.by_status(TaskFilter(queue="default"))
        both = task_counts.by_status(TaskFilter(queue="default", labels={"a": "b"}))

        assert one.is_exact
        assert (one.numbers[Status.COMPLETED], one.numbers[Status.FAILED]) == (many, 3)
        assert not both.is_exact
        assert Status.COMPLETED not in both.numbers
        assert both.numbers[Status.FAILED] == 3
        fill(client, many, queue, keys.status_index(Status.FAILED), first=2 * many)
        two = task_counts.by_status(TaskFilter(queue="default"))
        assert set(Status) - two.numbers.keys() == {Status.COMPLETED, Status.FAILED}
        assert two.numbers[Status.QUEUED] == 0

    def test_a_damaged_index_counts_as_empty(
        self, task_counts: RedisTaskCounts, client: redis.Redis
    ) -> None:
        client.set(keys.queue_index("default"), "text")
        client.set(keys.status_index(Status.QUEUED), "text")
        fill(client, 3, keys.status_index(Status.FAILED), keys.queue_index("other"))

        assert set(task_counts.by_status(TaskFilter(queue="default")).numbers.values()) == {0}
        assert task_counts.by_status(TaskFilter(queue="other")).numbers[Status.FAILED] == 3
        assert task_counts.by_status(TaskFilter()).numbers[Status.FAILED] == 3
