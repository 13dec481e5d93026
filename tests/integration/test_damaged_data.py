"""Damaged data in Redis is left out, and everything else is returned."""

import time
from collections.abc import Callable

import pytest
import redis

from adapters.redis import keys
from adapters.redis.heartbeats import RedisHeartbeats
from adapters.redis.id_codec import id_bytes
from adapters.redis.task_repository import RedisTaskRepository
from domain.task import Task
from tests.contracts.heartbeats import a_process
from tests.integration.processes import Api
from tests.storing import submit

Damage = Callable[[redis.Redis, Task], object]

LISTS = [
    "/tasks",
    "/tasks?queue=good",
    "/tasks?q=wanted",
    "/tasks?task_name=wanted",
    "/tasks?sort=-submitted_at",
]
OVERVIEWS = [
    "/stats",
    "/queues/default/scaling",
    "/stats/series",
    "/stats/series?span=7d&by=type",
    "/queues",
    "/workers",
    "/types",
]
NOT_TEXT = b"\xff\xfe"


def record(task: Task) -> bytes:
    return keys.record(task.task_id)


def replaced(client: redis.Redis, key: bytes) -> None:
    client.delete(key)
    client.set(key, "text")


def in_each_minute(
    client: redis.Redis, damage: Callable[[str], object], prefix: str = "tm:minute:"
) -> None:
    """Damage the counters of the present minute and the next, which may begin during the test."""
    minute = client.time()[0] // 60
    for each in (minute, minute + 1):
        client.delete(f"{prefix}{each}")
        damage(f"{prefix}{each}")


DAMAGES: dict[str, Damage] = {
    "record of the wrong type": lambda client, task: replaced(client, record(task)),
    "specification that is no JSON": lambda client, task: client.hset(record(task), "d", NOT_TEXT),
    "payload that is no text": lambda client, task: client.hset(record(task), "i", NOT_TEXT),
    "long payload that is no text": lambda client, task: client.hset(
        record(task), "i", NOT_TEXT * 4_000
    ),
    "time of 400 digits": lambda client, task: client.hset(record(task), "u", "9" * 400),
    "type that is no text": lambda client, task: client.sadd(keys.TYPES, NOT_TEXT),
    "index of a type of the wrong type": lambda client, task: (
        client.sadd(keys.TYPES, "other"),
        client.set("tm:type:other", "text"),
    ),
    "queue that is no text": lambda client, task: client.sadd(keys.QUEUES, NOT_TEXT),
    "index of a queue of the wrong type": lambda client, task: replaced(
        client, keys.queue_index("damaged")
    ),
    "waiting tasks of the wrong type": lambda client, task: replaced(
        client, keys.waiting("damaged")
    ),
    "places that no queue has": lambda client, task: (
        client.zadd(keys.waiting("damaged"), {b"a": "-inf", b"b": 1e300}),
        client.zadd(keys.waiting("good"), {b"c": "inf"}),
    ),
    "paused queue that is no text": lambda client, task: client.sadd(keys.PAUSED, NOT_TEXT),
    "number of scheduled tasks": lambda client, task: client.hset(
        keys.SCHEDULED_BY_QUEUE, "damaged", "many"
    ),
    "counters of a minute": lambda client, task: in_each_minute(
        client, lambda minute: client.hset(minute, "SUBMITTED", "many")
    ),
    "counters of a minute of the wrong type": lambda client, task: in_each_minute(
        client, lambda minute: client.set(minute, "text")
    ),
    "counters by queue and type of the wrong type": lambda client, task: in_each_minute(
        client, lambda minute: client.set(minute, "text"), "tm:counters:"
    ),
    "sums of an hour that are no text": lambda client, task: client.set(
        f"tm:series:h:{client.time()[0] // 3_600 - 2}", NOT_TEXT
    ),
    "heartbeat that is no JSON": lambda client, task: heartbeat(client, b"nonsense"),
    "heartbeat that lacks members": lambda client, task: heartbeat(
        client, b'{"name":"x","queues":[]}'
    ),
    "heartbeat with members of other types": lambda client, task: heartbeat(
        client, b'{"role":"worker","name":5,"host":"h","pid":1,"queues":[{}],"concurrency":1}'
    ),
    "heartbeat at no time": lambda client, task: client.zadd(
        keys.alive("worker"),
        {b'{"role":"worker","name":"x","host":"h","pid":1,"queues":["q"],"concurrency":1}': "inf"},
    ),
    "holder that is no text": lambda client, task: client.hset(
        keys.HELD, NOT_TEXT, b"1 " + b"x" * 16 + NOT_TEXT
    ),
    "holder of nothing": lambda client, task: client.hset(keys.HELD, "host-1:1", "nothing"),
    "finished task that is none": lambda client, task: client.rpush(
        keys.FINISHED, b"", b"short", b"x" * 16 + b"1"
    ),
    "finished task of the wrong type": lambda client, task: (
        replaced(client, record(task)),
        client.rpush(keys.FINISHED, id_bytes(task.task_id) + b"1"),
    ),
    "totals that are no text": lambda client, task: client.hset(
        keys.TOTALS, mapping={"v": 1, "m": 1, "t": NOT_TEXT, "run_lost": "many"}
    ),
    "totals of the wrong type": lambda client, task: client.set(keys.TOTALS, "text"),
    "counter of claims": lambda client, task: client.set(keys.CLAIMS, "many"),
    "webhooks of the wrong type": lambda client, task: client.set(keys.OUTBOX, "text"),
    "submission at no time": lambda client, task: client.zadd(
        keys.SUBMITTED, {b"a": "-inf", b"b": "inf", b"c": 1e300}
    ),
}


def heartbeat(client: redis.Redis, member: bytes) -> None:
    client.zadd(keys.alive("worker"), {member: time.time() * 1_000 + 60_000})


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_everything_else_is_returned_beside_damaged_data(
    api: Api,
    client: redis.Redis,
    repository: RedisTaskRepository,
    redis_store: object,
    damage: Damage,
) -> None:
    good = submit(repository, queue="good", task_name="wanted", payload={}).task_id
    damaged = submit(repository, queue="damaged", task_name="unwanted")
    RedisHeartbeats(redis_store).beat(a_process(name="good-1", queues=("good",)))  # type: ignore[arg-type]

    damage(client, damaged)

    for path in LISTS:
        answer = api.request("GET", path)
        assert (path, answer.status_code) == (path, 200)
        assert good in [task["task_id"] for task in answer.json()["tasks"]], path
        answer = api.request("GET", f"{path}{'&' if '?' in path else '?'}full=true")
        assert good in [task["task_id"] for task in answer.json()["tasks"]], path
    told = {}
    for path in OVERVIEWS:
        answer = api.request("GET", path)
        assert (path, answer.status_code) == (path, 200)
        told[path] = answer.json()
    assert told["/stats"]["by_queue"]["good"] == 1
    assert [queue["depth"] for queue in told["/queues"]["queues"] if queue["name"] == "good"] in (
        [1],
        [2],
    )
    assert [worker["name"] for worker in told["/workers"]["workers"]] == ["good-1"]
    answer = api.request("GET", "/metrics")
    assert answer.status_code == 200
    assert '\ntask_manager_queue_tasks_stored{queue="good"} 1.0\n' in answer.text
    for change in ("pause", "resume"):
        assert api.request("POST", f"/queues/good/{change}").status_code == 200
    wish = {"action": "cancel", "filter": {"queue": "good"}}
    assert api.request("POST", "/tasks/actions", json=wish).json()["done"] == 1
