"""Requests are limited by key or address, and each response says what is left."""

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from domain.access import Role
from domain.rate_limit import RateLimit
from entrypoints.api.app import create_app
from entrypoints.container import Container
from tests.fakes.clock import FakeClock
from tests.fakes.task_store import FakeTaskStore
from tests.storing import total
from tests.unit.entrypoints.conftest import SETTINGS
from tests.unit.entrypoints.keyed import ask, token_for

A_TASK = {"task_name": "test", "duration": 3}
UNKNOWN = "/tasks/018f0000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def limited_app() -> Flask:
    """The application with TASKS_RATE_LIMIT=3/hour, behind a proxy on 10.0.0.1."""
    settings = replace(SETTINGS, rate_limit="3/hour", http_trusted_proxies=("10.0.0.1/32",))
    return create_app(Container(settings=settings))


@pytest.fixture
def limited(limited_app: Flask, container: Container) -> FlaskClient:
    limited_app.extensions["container"] = container
    return limited_app.test_client()


def from_address(client: FlaskClient, address: str, forwarded: str = "") -> TestResponse:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    return client.get("/tasks", headers=headers, environ_base={"REMOTE_ADDR": address})


def left(response: TestResponse) -> str:
    return response.headers["RateLimit"].partition(";t=")[0]


def test_each_response_says_what_is_left_until_none_is(
    limited: FlaskClient, clock: FakeClock
) -> None:
    responses = [limited.get(path) for path in ("/tasks", UNKNOWN, "/types")]
    refused = limited.get("/tasks")

    assert [each.status_code for each in responses] == [200, 404, 200]
    assert [left(each) for each in (*responses, refused)] == [
        f'"default";r={number}' for number in (2, 1, 0, 0)
    ]
    assert {each.headers["RateLimit-Policy"] for each in (*responses, refused)} == {
        '"default";q=3;w=3600'
    }
    assert refused.status_code == 429
    assert refused.headers["RateLimit"] == '"default";r=0;t=3600'
    assert refused.headers["Retry-After"] == "3600"
    assert refused.json is not None
    assert refused.json["code"] == "rate_limited"
    assert "3 requests per hour" in refused.json["detail"]
    clock.advance(timedelta(hours=1))
    assert limited.get("/tasks").status_code == 200


def test_a_stream_counts_when_it_begins(limited: FlaskClient) -> None:
    with closing(limited.get("/events")) as stream:
        assert left(stream) == '"default";r=2'


def test_a_refused_submit_stores_nothing(limited: FlaskClient, store: FakeTaskStore) -> None:
    statuses = [limited.post("/tasks", json=A_TASK).status_code for _ in range(5)]

    assert (statuses, total(store)) == ([202, 202, 202, 429, 429], 3)


def test_a_batch_counts_as_its_tasks(limited: FlaskClient, store: FakeTaskStore) -> None:
    batch = {"tasks": [A_TASK] * 2}

    first, second = (limited.post("/tasks/batch", json=batch) for _ in range(2))

    assert (first.status_code, left(first)) == (202, '"default";r=1')
    assert (second.status_code, left(second)) == (429, '"default";r=1')
    assert limited.post("/tasks", json=A_TASK).status_code == 202
    assert total(store) == 3


def test_a_batch_that_no_window_has_room_for_is_explained(limited: FlaskClient) -> None:
    response = limited.post("/tasks/batch", json={"tasks": [A_TASK] * 4})

    assert response.status_code == 422
    assert response.json is not None
    [error] = response.json["errors"]
    assert error["pointer"] == "/tasks"
    assert "Send at most 3 tasks at once" in error["message"]
    assert left(response) == '"default";r=2'


@pytest.mark.parametrize("path", ["/tasks", "/tasks/batch"])
def test_an_invalid_submit_counts_as_a_request(limited: FlaskClient, path: str) -> None:
    statuses = [limited.post(path, json={"x": 1}).status_code for _ in range(4)]

    assert statuses == [422, 422, 422, 429]


def test_a_repeated_submit_counts_as_a_request(limited: FlaskClient) -> None:
    headers = {"Idempotency-Key": "one"}
    responses = [limited.post("/tasks", json=A_TASK, headers=headers) for _ in range(4)]

    assert [each.status_code for each in responses] == [202, 202, 202, 429]
    assert [left(each) for each in responses[:3]] == [
        f'"default";r={number}' for number in (2, 1, 0)
    ]
    assert responses[2].headers["Idempotent-Replayed"] == "true"


def test_a_submit_to_a_full_store_is_told_so_and_counts(
    limited: FlaskClient, store: FakeTaskStore
) -> None:
    store.full = True

    statuses = [limited.post("/tasks", json=A_TASK).status_code for _ in range(4)]

    assert statuses == [503, 503, 503, 429]


def test_addresses_are_counted_apart(limited: FlaskClient) -> None:
    for _ in range(3):
        from_address(limited, "192.0.2.1")

    assert from_address(limited, "192.0.2.1").status_code == 429
    assert from_address(limited, "192.0.2.2").status_code == 200


@pytest.mark.parametrize(
    ("addresses", "are_one"),
    [
        (("2001:db8::1", "2001:db8::ffff:1"), True),
        (("2001:db8::1", "2001:db8:0:1::1"), False),
        (("::ffff:192.0.2.1", "192.0.2.1"), True),
        (("::ffff:192.0.2.1", "::ffff:192.0.2.2"), False),
    ],
)
def test_an_ipv6_host_is_its_network(
    limited: FlaskClient, addresses: tuple[str, str], are_one: bool
) -> None:
    first, second = addresses
    from_address(limited, first)

    assert left(from_address(limited, second)) == f'"default";r={1 if are_one else 2}'


def test_behind_a_trusted_proxy_the_client_counts_and_elsewhere_its_peer(
    limited: FlaskClient,
) -> None:
    assert left(from_address(limited, "10.0.0.1", "192.0.2.1")) == '"default";r=2'
    assert left(from_address(limited, "10.0.0.1", "192.0.2.2")) == '"default";r=2'
    assert left(from_address(limited, "192.0.2.9", "192.0.2.1")) == '"default";r=2'
    assert left(from_address(limited, "192.0.2.9", "192.0.2.2")) == '"default";r=1'


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/openapi.json", "/ui/", "/nothing"])
def test_what_needs_no_key_is_not_counted(limited: FlaskClient, path: str) -> None:
    for _ in range(5):
        assert "RateLimit" not in limited.get(path).headers

    assert left(limited.get("/tasks")) == '"default";r=2'


def test_while_the_store_is_away_requests_say_so_and_nobody_is_refused(
    limited: FlaskClient, store: FakeTaskStore
) -> None:
    store.away = store.rate_limits.away = True

    for _ in range(5):
        assert limited.get("/types").status_code == 200
        assert limited.get(UNKNOWN).status_code == 503
        assert limited.post("/tasks", json=A_TASK).status_code == 503


def test_without_a_limit_nothing_is_counted(client: FlaskClient, store: FakeTaskStore) -> None:
    response = client.get("/tasks")

    assert "RateLimit" not in response.headers
    assert "RateLimit-Policy" not in response.headers
    assert store.rate_limits.asked == 0


def test_a_key_may_have_a_limit_of_its_own(
    guarded: FlaskClient, container: Container, store: FakeTaskStore
) -> None:
    few, unlimited = (
        token_for(container, Role.OPERATOR, rate_limit=limit)
        for limit in (RateLimit(2, "hour"), None)
    )

    assert [ask(guarded, few, "GET", "/tasks").status_code for _ in range(3)] == [200, 200, 429]
    asked = store.rate_limits.asked
    response = ask(guarded, unlimited, "GET", "/tasks")
    assert response.status_code == 200
    assert "RateLimit" not in response.headers
    assert store.rate_limits.asked == asked


def test_an_admin_makes_and_sees_the_limit_of_a_key(
    guarded: FlaskClient, container: Container
) -> None:
    admin = token_for(container, Role.ADMIN)
    body: dict[str, Any] = {"name": "x", "role": "viewer", "rate_limit": "2/hour"}

    made = ask(guarded, admin, "POST", "/keys", json=body).json
    wrong = ask(guarded, admin, "POST", "/keys", json=body | {"rate_limit": 2}).json

    assert made is not None
    assert made["rate_limit"] == "2/hour"
    assert (
        ask(guarded, made["token"], "GET", "/tasks")
        .headers["RateLimit"]
        .startswith('"default";r=1')
    )
    listed = ask(guarded, admin, "GET", "/keys").json
    assert listed is not None
    limits = {key["role"]: key.get("rate_limit") for key in listed["keys"]}
    assert limits == {"admin": None, "viewer": "2/hour"}
    assert wrong is not None
    assert wrong["errors"][0]["pointer"] == "/rate_limit"
    assert "such as 600/minute" in wrong["errors"][0]["message"]


def test_a_wrong_key_uses_nothing_of_the_right_one(
    guarded: FlaskClient, container: Container
) -> None:
    token = token_for(container, Role.VIEWER, rate_limit=RateLimit(2, "hour"))
    for _ in range(3):
        assert ask(guarded, f"{token[:-2]}xx", "GET", "/tasks").status_code == 401

    assert left(ask(guarded, token, "GET", "/tasks")) == '"default";r=1'
