"""Requests have bounded costs, in numbers that do not depend on the machine.

A number that grows is a change for the worse: find out why before you raise a limit. One that
falls by a tenth should take its limit with it.
"""

import gc
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from itertools import count
from types import FrameType
from typing import Any

import pytest
import redis
from flask.testing import FlaskClient

from entrypoints.api.app import create_app
from entrypoints.container import build_container
from entrypoints.environment import load_settings

HOST = {"Host": "127.0.0.1"}
STORED = 200
BODY = {"task_name": "one of many", "duration": 1}


@dataclass(frozen=True)
class Cost:
    calls: int
    """Calls of Python functions, those of the test client included."""
    round_trips: int
    commands: int
    """Commands that Redis carries out, those of scripts included."""
    kilobytes: int
    """Sent to Redis and received from it."""


LIMITS = {
    "submit": Cost(calls=1_080, round_trips=1, commands=30, kilobytes=4),
    "read": Cost(calls=680, round_trips=1, commands=2, kilobytes=2),
    "list of 10": Cost(calls=1_050, round_trips=2, commands=44, kilobytes=5),
    "list of 100": Cost(calls=2_750, round_trips=2, commands=404, kilobytes=25),
    "change": Cost(calls=1_270, round_trips=2, commands=10, kilobytes=3),
    "batch of 100": Cost(calls=15_400, round_trips=1, commands=228, kilobytes=23),
    "metrics": Cost(calls=8_000, round_trips=25, commands=40, kilobytes=6),
}
LIMITS_OF_LIMITED = {
    "submit": replace(LIMITS["submit"], calls=1_180, commands=33),
    "read": replace(LIMITS["read"], calls=860, round_trips=2, commands=7),
    "batch of 100": replace(LIMITS["batch of 100"], calls=15_500, commands=231),
}
"""With TASKS_RATE_LIMIT. A submit has no round trip more; its script counts the units."""
WARM_UPS = 3
"""Requests before the one that counts: the first ones compile, connect and fill caches."""


@pytest.fixture
def api(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setenv("TASKS_REDIS_URL", redis_url)
    container = build_container(load_settings(), cache_bytes=2**24)
    return create_app(container).test_client()


@pytest.fixture
def limited_api(api: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setenv("TASKS_RATE_LIMIT", "100000/minute")
    container = build_container(load_settings(), cache_bytes=2**24)
    return create_app(container).test_client()


def requests_to(api: FlaskClient) -> dict[str, Callable[[], Any]]:
    batch = {"tasks": [BODY] * STORED}
    stored = api.post("/tasks/batch", json=batch, headers=HOST).json["tasks"]
    url = f"/tasks/{stored[0]['task_id']}"
    names = count()
    return {
        "submit": lambda: api.post("/tasks", json=BODY, headers=HOST),
        "read": lambda: api.get(url, headers=HOST),
        "list of 10": lambda: api.get("/tasks", headers=HOST),
        "list of 100": lambda: api.get("/tasks?page_size=100", headers=HOST),
        "change": lambda: api.patch(url, json={"task_name": f"{next(names)}"}, headers=HOST),
        "batch of 100": lambda: api.post(
            "/tasks/batch", json={"tasks": [BODY] * 100}, headers=HOST
        ),
        "metrics": lambda: api.get("/metrics", headers=HOST),
    }


def cost_of(request: Callable[[], Any], client: redis.Redis, round_trips: list[int]) -> Cost:
    calls = 0

    def note(_: FrameType, event: str, __: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = client.info("stats")
    del round_trips[:]
    gc.collect()
    gc.disable()  # else the end of objects of other tests would be counted
    sys.setprofile(note)
    try:
        response = request()
    finally:
        sys.setprofile(None)
        gc.enable()
    trips = len(round_trips)
    after = client.info("stats")
    assert response.status_code < 300, response.json
    moved = sum(
        after[name] - before[name] for name in ("total_net_input_bytes", "total_net_output_bytes")
    )
    commands = after["total_commands_processed"] - before["total_commands_processed"] - 1
    return Cost(calls, trips, commands, moved // 1024)


def begin_the_next_minute(client: redis.Redis) -> None:
    """Copy the counters of this minute to the next, whose first request would cost more."""
    for key in [*client.scan_iter("tm:minute:*"), *client.scan_iter("tm:counters:*")]:
        prefix, _, minute = key.rpartition(b":")
        client.copy(key, b"%s:%d" % (prefix, int(minute) + 1))


@pytest.fixture
def round_trips(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Has an element for each time that something was sent to Redis."""
    round_trips: list[int] = []
    send = redis.connection.AbstractConnection.send_packed_command

    def count_and_send(connection: Any, *arguments: Any, **options: Any) -> None:
        round_trips.append(1)
        send(connection, *arguments, **options)

    monkeypatch.setattr(redis.connection.AbstractConnection, "send_packed_command", count_and_send)
    return round_trips


@pytest.mark.parametrize("name", LIMITS)
def test_a_request_costs_no_more_than_before(
    name: str, api: FlaskClient, client: redis.Redis, round_trips: list[int]
) -> None:
    require_cost(requests_to(api)[name], LIMITS[name], client, round_trips)


@pytest.mark.parametrize("name", LIMITS_OF_LIMITED)
def test_counting_a_submit_costs_no_round_trip(
    name: str, limited_api: FlaskClient, client: redis.Redis, round_trips: list[int]
) -> None:
    require_cost(requests_to(limited_api)[name], LIMITS_OF_LIMITED[name], client, round_trips)


def require_cost(
    request: Callable[[], Any], most: Cost, client: redis.Redis, round_trips: list[int]
) -> None:
    for _ in range(WARM_UPS):
        request()
    begin_the_next_minute(client)

    cost, limit = asdict(cost_of(request, client, round_trips)), asdict(most)

    assert {part: cost[part] for part in cost if cost[part] > limit[part]} == {}, cost
