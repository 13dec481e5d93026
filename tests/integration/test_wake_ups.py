"""Wake-ups are what Celery itself would have put into the list, and there are only a handful of
them.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
import redis
from celery import Celery

from adapters.celery.app import WORK_TASK, create_celery_app, queue_of_wake_ups
from adapters.celery.wake_ups import MAX_WAITING_WAKE_UPS, SCAN_COUNT, CeleryWakeUps, WakeUpFactory
from adapters.redis.effects import Effects
from adapters.redis.queues import RedisQueues
from adapters.redis.store import RedisStore
from adapters.redis.task_leases import RedisTaskLeases
from adapters.redis.task_repository import RedisTaskRepository
from tests.building import a_task
from tests.contracts.wake_ups import WakeUpsContract
from tests.integration.waiting import wait_until
from tests.storing import claim, submit

WAKE_UPS = "task-manager.work.default"


@pytest.fixture
def app(redis_url: str) -> Celery:
    return create_celery_app(redis_url, ["default"])


class TestCeleryWakeUps(WakeUpsContract):
    @pytest.fixture
    def queues(self, redis_store: RedisStore, wake_up_factory: WakeUpFactory) -> RedisQueues:
        return RedisQueues(redis_store, wake_up_factory.wake_up_of)

    @pytest.fixture
    def lose_wake_ups(self, client: redis.Redis) -> Callable[[], None]:
        return lambda: client.delete(*client.scan_iter("task-manager.work.*"))


def shape(value: Any) -> Any:
    """Members and types, without the values that are made anew for each message."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    if isinstance(value, list):
        return [shape(member) for member in value]
    return type(value).__name__


def test_a_wake_up_has_the_members_and_types_of_a_message_that_celery_sends(
    app: Celery, repository: RedisTaskRepository, client: redis.Redis
) -> None:
    with app.connection_for_write() as connection:
        app.send_task(
            WORK_TASK,
            args=("default",),
            queue=queue_of_wake_ups("default"),
            ignore_result=True,
            connection=connection,
        )
    sent = json.loads(client.rpop(WAKE_UPS))

    submit(repository)

    wake_up = json.loads(client.rpop(WAKE_UPS))
    assert shape(wake_up) == shape(sent)
    assert wake_up["body"] == sent["body"]
    assert wake_up["properties"]["delivery_info"] == sent["properties"]["delivery_info"]
    assert wake_up["headers"]["task"] == sent["headers"]["task"]


def test_no_two_wake_ups_have_the_same_number(
    repository: RedisTaskRepository, client: redis.Redis
) -> None:
    for _ in range(MAX_WAITING_WAKE_UPS):
        submit(repository)

    wake_ups = [json.loads(wake_up) for wake_up in client.lrange(WAKE_UPS, 0, -1)]

    assert (
        len({wake_up["headers"]["id"] for wake_up in wake_ups})
        == len(wake_ups)
        == MAX_WAITING_WAKE_UPS
    )
    assert all(
        wake_up["headers"]["id"]
        == wake_up["properties"]["delivery_tag"]
        == wake_up["properties"]["correlation_id"]
        for wake_up in wake_ups
    )


def test_a_long_queue_holds_a_handful_of_wake_ups(
    repository: RedisTaskRepository, client: redis.Redis
) -> None:
    for _ in range(MAX_WAITING_WAKE_UPS + 20):
        submit(repository)

    assert client.llen(WAKE_UPS) == MAX_WAITING_WAKE_UPS


def test_taking_a_task_puts_the_wake_up_for_the_next(
    repository: RedisTaskRepository, leases: RedisTaskLeases, client: redis.Redis
) -> None:
    submit(repository), submit(repository)
    client.delete(WAKE_UPS)

    claim(leases)

    assert client.llen(WAKE_UPS) == 1


def test_lost_wake_ups_are_put_again_and_none_too_many(
    repository: RedisTaskRepository, wake_ups: CeleryWakeUps, client: redis.Redis
) -> None:
    submit(repository), submit(repository)
    client.delete(WAKE_UPS)

    assert wake_ups.top_up_all() == 2
    assert wake_ups.top_up_all() == 0
    assert client.llen(WAKE_UPS) == 2


def test_an_empty_queue_gets_no_wake_up(wake_ups: CeleryWakeUps, client: redis.Redis) -> None:
    assert wake_ups.top_up_all() == 0
    assert client.dbsize() == 0


def test_only_queues_in_which_tasks_wait_are_looked_at(
    repository: RedisTaskRepository,
    leases: RedisTaskLeases,
    wake_ups: CeleryWakeUps,
    client: redis.Redis,
) -> None:
    submit(repository), submit(repository, queue="other")
    assert client.smembers("tm:waiting-queues") == {b"default", b"other"}
    claim(leases)

    wake_ups.top_up_all()

    assert client.smembers("tm:waiting-queues") == {b"other"}


def test_queues_that_an_earlier_version_left_are_taken_over(
    repository: RedisTaskRepository, wake_ups: CeleryWakeUps, client: redis.Redis
) -> None:
    submit(repository)
    client.delete("tm:waiting-queues", WAKE_UPS)

    assert wake_ups.top_up_all() == 1


def test_wake_ups_of_more_queues_than_one_round_trip_looks_at_are_put(
    repository: RedisTaskRepository, wake_ups: CeleryWakeUps, client: redis.Redis
) -> None:
    repository.add([a_task(queue=f"q{number}") for number in range(SCAN_COUNT + 100)])
    client.delete(*(f"task-manager.work.q{number}" for number in range(SCAN_COUNT + 100)))

    wait_until(lambda: wake_ups.top_up_all() == 0)

    assert all(
        client.llen(f"task-manager.work.q{number}") == 1 for number in range(SCAN_COUNT + 100)
    )


def test_a_name_that_no_task_uses_goes_with_its_wake_ups_but_not_while_it_is_paused(
    repository: RedisTaskRepository, wake_ups: CeleryWakeUps, client: redis.Redis
) -> None:
    unused, paused = submit(repository), submit(repository, queue="paused")
    submit(repository, queue="used")
    client.sadd("tm:paused", "paused")
    assert list(wake_ups.forget_unused()) == []
    repository.remove_many([unused, paused])

    assert list(wake_ups.forget_unused()) == ["default"]

    assert client.smembers("tm:queues") == {b"paused", b"used"}
    assert not client.exists(WAKE_UPS)


def test_a_name_that_a_task_uses_again_meanwhile_stays(
    repository: RedisTaskRepository,
    wake_ups: CeleryWakeUps,
    client: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    repository.remove(submit(repository))
    forgetting = wake_ups._forgetting

    def submit_first(queue: str) -> Effects:
        submit(repository)
        return forgetting(queue)

    monkeypatch.setattr(wake_ups, "_forgetting", submit_first)

    wake_ups.forget_unused()

    assert client.smembers("tm:queues") == {b"default"}
    assert client.llen(WAKE_UPS) == 1
