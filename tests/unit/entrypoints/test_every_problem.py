"""One response lists every problem of a request: query, members, domain rules and payloads."""

from typing import Any

import pytest
from flask.testing import FlaskClient

GOOD = {"task_name": "good", "duration": 1}
A_CALL = {"task_name": "call", "type": "http", "payload": {"url": "https://example.com/"}}
NEVER_STARTS = {"run_at": "2999-01-02T00:00:00Z", "expires_at": "2999-01-01T00:00:00Z"}


def pointers(client: FlaskClient, path: str, body: Any, method: str = "POST") -> list[str]:
    response = client.open(path, method=method, json=body)
    assert response.status_code == 422, response.json
    return sorted(error.get("pointer", error.get("parameter")) for error in response.json["errors"])


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({**A_CALL, "priority": 10, "payload": {"url": 3, "methods": "GET"}},
         ["/payload/methods", "/payload/url", "/priority"]),
        ({**A_CALL,
          "payload": {"url": "https://example.com/", "json": 1, "body": "x", "timeout": 0}},
         ["/payload/body", "/payload/timeout"]),
        ({**A_CALL, "duration": 3, "payload": {}}, ["/duration", "/payload/url"]),
        ({**A_CALL, **NEVER_STARTS,
          "payload": {"url": "https://example.com/", "headers": {"host": "x"}}},
         ["/expires_at", "/payload/headers/host"]),
        ({**GOOD, **NEVER_STARTS, "payload": {"a": 1}}, ["/expires_at", "/payload"]),
        ({**GOOD, **NEVER_STARTS, "color": "red", "duration": 0},
         ["/color", "/duration", "/expires_at"]),
        ({"type": "http", "payload": {"value": 1}, "callback_url": "http://10.0.0.1/"},
         ["/callback_url", "/payload/url", "/payload/value", "/task_name"]),
        ({**A_CALL, "payload": 3, "priority": 10}, ["/payload", "/priority"]),
        ({**GOOD, "type": 3, "priority": 10, "payload": {"a": 1}}, ["/priority", "/type"]),
        ({**GOOD, "type": "dance", "priority": 10}, ["/priority", "/type"]),
    ],
)  # fmt: skip
def test_every_problem_of_a_task_is_listed_at_once(
    client: FlaskClient, body: dict[str, Any], wrong: list[str]
) -> None:
    assert pointers(client, "/tasks", body) == wrong
    task_id = client.post("/tasks", json=GOOD).json["task_id"]
    assert pointers(client, f"/tasks/{task_id}", body, "PUT") == wrong
    batch = [GOOD, body, A_CALL]
    assert pointers(client, "/tasks/batch", {"tasks": batch}) == [
        f"/tasks/1{pointer}" for pointer in wrong
    ]


def test_every_task_of_a_batch_is_checked(client: FlaskClient) -> None:
    batch = [
        {**GOOD, "priority": 10},
        {**A_CALL, "payload": {"url": "ftp://example.com"}},
        GOOD,
        {**GOOD, **NEVER_STARTS},
        {**GOOD, "type": "dance"},
        3,
    ]

    assert pointers(client, "/tasks/batch", {"tasks": batch, "color": "red"}) == [
        *(
            "/color",
            "/tasks/0/priority",
            "/tasks/1/payload/url",
            "/tasks/3/expires_at",
            "/tasks/4/type",
            "/tasks/5",
        ),
    ]


def test_a_batch_names_100_problems_and_counts_the_rest(client: FlaskClient) -> None:
    wrong_call = {**A_CALL, "payload": {"a": 1}}  # a is unknown, url is missing

    response = client.post(
        "/tasks/batch", json={"tasks": [{**GOOD, "priority": 10}] * 60 + [wrong_call] * 140}
    )

    assert len(response.json["errors"]) == 100
    assert response.json["errors_omitted"] == 60 + 2 * 140 - 100
    assert "240 more" in response.json["detail"]


@pytest.mark.parametrize(
    ("path", "body", "wrong"),
    [
        ("/tasks?color=red", {"task_name": ""}, ["/duration", "/task_name", "color"]),
        ("/tasks?color=red", {**A_CALL, "payload": {}}, ["/payload/url", "color"]),
        (
            "/tasks/batch?color=red",
            {"tasks": [GOOD, {**A_CALL, "payload": {}}]},
            ["/tasks/1/payload/url", "color"],
        ),
        (
            "/tasks/actions?color=red",
            {"action": "dance", "ids": [], "filter": {}},
            ["", "/action", "/ids", "color"],
        ),
    ],
)
def test_problems_of_the_query_stand_beside_those_of_the_body(
    client: FlaskClient, path: str, body: Any, wrong: list[str]
) -> None:
    assert pointers(client, path, body) == wrong


@pytest.mark.parametrize(
    ("patch", "wrong"),
    [
        ({**NEVER_STARTS, "payload": {"url": 3}}, ["/expires_at", "/payload/url"]),
        ({"duration": 3, "callback_url": "http://10.0.0.1/"}, ["/callback_url", "/duration"]),
        ({"duration": 3, **NEVER_STARTS, "callback_url": "http://10.0.0.1/",
          "payload": {"url": None}},
         ["/callback_url", "/duration", "/expires_at", "/payload/url"]),
        ({"duration": 3}, ["/duration"]),
    ],
)  # fmt: skip
def test_every_problem_of_a_patched_task_is_listed(
    client: FlaskClient, patch: dict[str, Any], wrong: list[str]
) -> None:
    task_id = client.post("/tasks", json=A_CALL).json["task_id"]

    assert pointers(client, f"/tasks/{task_id}", patch, "PATCH") == wrong


def test_every_problem_of_a_query_is_listed(client: FlaskClient) -> None:
    query = "label=red&label=a:1&label.a=2&status=DONE&page=0&page=1&cursor=x&sort=name"

    response = client.get(f"/tasks?{query}")

    assert sorted({error["parameter"] for error in response.json["errors"]}) == [
        *("cursor", "label", "label.a", "page", "sort", "status"),
    ]
