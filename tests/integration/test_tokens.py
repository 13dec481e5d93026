"""Tokens are what Celery itself would have put into the list, and there are only a handful of them."""

import json
from typing import Any

import pytest
import redis
from celery import Celery

from adapters.celery.app import WORK_TASK, create_celery_app, queue_of_tokens
from adapters.celery.task_queue import BOUND, CeleryTaskQueue
from adapters.redis.task_leases import RedisTaskLeases
from adapters.redis.task_repository import RedisTaskRepository
from tests.contracts.task_leases import claim
from tests.contracts.task_repository import submit

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
