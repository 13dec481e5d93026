"""Tokens are what Celery itself would have put into the list, and there are only a handful of them."""

import json
from typing import Any

import pytest
import redis
from celery import Celery

from adapters.celery.app import WORK_TASK, create_celery_app, queue_of_tokens
from adapters.celery.task_queue import BOUND, SCAN, CeleryTaskQueue
from adapters.redis.client import ScriptCall
from adapters.redis.task_leases import RedisTaskLeases
from adapters.redis.task_repository import RedisTaskRepository
from tests.building import a_task
from tests.contracts.task_leases import claim
from tests.contracts.task_repository import submit
from tests.integration.waiting import wait_until

TOKENS = "task-manager.work.default"


@pytest.fixture
def app(redis_url: str) -> Celery:
    return create_celery_app(redis_url, ["default"])


def shape(value: Any) -> Any:
    """Members and types, without the values that are made anew for each message."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    if isinstance(value, list):
        return [shape(member) for member in value]
    return type(value).__name__


def test_a_token_has_the_members_and_types_of_a_message_that_celery_sends(
    app: Celery, repository: RedisTaskRepository, client: redis.Redis
) -> None:
    with app.connection_for_write() as connection:
        app.send_task(
            WORK_TASK, args=("default",), queue=queue_of_tokens("default"), ignore_result=True, connection=connection
        )
    sent = json.loads(client.rpop(TOKENS))

    submit(repository)

    token = json.loads(client.rpop(TOKENS))
    assert shape(token) == shape(sent)
    assert token["body"] == sent["body"]
    assert token["properties"]["delivery_info"] == sent["properties"]["delivery_info"]
    assert token["headers"]["task"] == sent["headers"]["task"]


def test_no_two_tokens_have_the_same_number(repository: RedisTaskRepository, client: redis.Redis) -> None:
    for _ in range(BOUND):
        submit(repository)

    tokens = [json.loads(token) for token in client.lrange(TOKENS, 0, -1)]

    assert len({token["headers"]["id"] for token in tokens}) == len(tokens) == BOUND
    assert all(
        token["headers"]["id"] == token["properties"]["delivery_tag"] == token["properties"]["correlation_id"]
        for token in tokens
    )


def test_a_long_queue_holds_a_handful_of_tokens(repository: RedisTaskRepository, client: redis.Redis) -> None:
    for _ in range(BOUND + 20):
        submit(repository)

    assert client.llen(TOKENS) == BOUND


def test_taking_a_task_puts_the_token_for_the_next(
    repository: RedisTaskRepository, leases: RedisTaskLeases, client: redis.Redis
) -> None:
    submit(repository), submit(repository)
    client.delete(TOKENS)

    claim(leases)

    assert client.llen(TOKENS) == 1


def test_lost_tokens_are_put_again_and_none_too_many(
    repository: RedisTaskRepository, task_queue: CeleryTaskQueue, client: redis.Redis
) -> None:
    submit(repository), submit(repository)
    client.delete(TOKENS)

    assert task_queue.replenish() == 2
    assert task_queue.replenish() == 0
    assert client.llen(TOKENS) == 2


def test_an_empty_queue_gets_no_token(task_queue: CeleryTaskQueue, client: redis.Redis) -> None:
    assert task_queue.replenish() == 0
    assert client.dbsize() == 0


def test_only_queues_in_which_tasks_wait_are_looked_at(
    repository: RedisTaskRepository, leases: RedisTaskLeases, task_queue: CeleryTaskQueue, client: redis.Redis
) -> None:
    submit(repository), submit(repository, queue="other")
    assert client.smembers("tm:waiting-queues") == {b"default", b"other"}
    claim(leases)

    task_queue.replenish()

    assert client.smembers("tm:waiting-queues") == {b"other"}


def test_queues_that_an_earlier_version_left_are_taken_over(
    repository: RedisTaskRepository, task_queue: CeleryTaskQueue, client: redis.Redis
) -> None:
    submit(repository)
    client.delete("tm:waiting-queues", TOKENS)

    assert task_queue.replenish() == 1


def test_tokens_of_more_queues_than_one_round_trip_looks_at_are_put(
    repository: RedisTaskRepository, task_queue: CeleryTaskQueue, client: redis.Redis
) -> None:
    repository.add([a_task(queue=f"q{number}") for number in range(SCAN + 100)])
    client.delete(*(f"task-manager.work.q{number}" for number in range(SCAN + 100)))

    wait_until(lambda: task_queue.replenish() == 0)

    assert all(client.llen(f"task-manager.work.q{number}") == 1 for number in range(SCAN + 100))


def test_a_name_that_no_task_uses_goes_with_its_tokens_but_not_while_it_is_paused(
    repository: RedisTaskRepository, task_queue: CeleryTaskQueue, client: redis.Redis
) -> None:
    unused, paused = submit(repository), submit(repository, queue="paused")
    submit(repository, queue="used")
    client.sadd("tm:paused", "paused")
    assert list(task_queue.forget_unused()) == []
    repository.remove_each([unused, paused])

    assert list(task_queue.forget_unused()) == ["default"]

    assert client.smembers("tm:queues") == {b"paused", b"used"}
    assert not client.exists(TOKENS)


def test_a_name_that_a_task_uses_again_meanwhile_stays(
    repository: RedisTaskRepository, task_queue: CeleryTaskQueue, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.remove(submit(repository))
    forgetting = task_queue._forgetting

    def submit_first(queue: str) -> ScriptCall:
        submit(repository)
        return forgetting(queue)

    monkeypatch.setattr(task_queue, "_forgetting", submit_first)

    task_queue.forget_unused()

    assert client.smembers("tm:queues") == {b"default"}
    assert client.llen(TOKENS) == 1
