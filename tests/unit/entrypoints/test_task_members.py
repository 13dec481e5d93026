"""The members of a task in a submit: wrong ones are named, right ones are kept."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.fakes.task_store import FakeTaskStore
from tests.unit.entrypoints.calls import AN_ID, stored, submit

BAD_NAMES = [
    "",
    " ",
    " \u3000\u00a0",
    "x" * 201,
    "a\nb",
    "a\x00b",
    "\x7f",
    "\x85",
    "\ud800",
    3,
    None,
    True,
    ["a"],
    {"a": "b"},
]
BAD_DURATIONS = [0, -1, 86_401, 10**30, 3.0, 3.5, 1e300, "3", "", True, False, None, [3], {}]
BAD_PRIORITIES = [-1, 10, 5.0, "5", True, None]
BAD_TIMES = [
    "",
    "tomorrow",
    "2026-01-01",
    "2026-01-01T00:00:00",
    "2026-13-01T00:00:00Z",
    1767225600,
    True,
    None,
]
BAD_RETRIES = [
    3,
    [],
    None,
    {"max_attempts": 0},
    {"max_attempts": 1.5},
    {"initial_delay": -1},
    {"factor": "2"},
    {"jitter": 2},
    {"jitter": True},
    {"tries": 3},
]
BAD_LABELS: list[Any] = [
    [],
    "a",
    None,
    {"": "x"},
    {"UPPER": "x"},
    {"a" * 64: "x"},
    {"a b": "x"},
    {"a\n": "x"},
    {"a": "x" * 256},
    {"a": 1},
    {"a": None},
    {"a": "x\ny"},
    {"a": "  "},
    {str(number): "x" for number in range(17)},
]


@pytest.mark.parametrize(
    ("member", "value"),
    [("task_name", value) for value in BAD_NAMES]
    + [("duration", value) for value in BAD_DURATIONS]
    + [("priority", value) for value in BAD_PRIORITIES]
    + [("labels", value) for value in BAD_LABELS]
    + [("queue", value) for value in ["", " ", "A", "-a", "a b", "a\n", "a" * 64, 3, None]]
    + [("timeout", value) for value in [0, 86_401, 1.5, "3", True, None]]
    + [(name, value) for name in ("run_at", "expires_at") for value in BAD_TIMES]
    + [("retry", value) for value in BAD_RETRIES]
    + [
        ("color", "red"),
        ("status", "COMPLETED"),
        ("task_id", AN_ID),
        ("callback_url", "http://example.com/"),
        ("callback_url", ""),
        ("payload", {"a": 1}),
        ("type", "dance"),
        ("type", ""),
        ("type", " "),
        ("type", 3),
        ("", 1),
        ("a/b~c", 1),
    ],
)
def test_a_wrong_member_is_named_and_nothing_is_stored(
    client: FlaskClient, store: FakeTaskStore, member: str, value: Any
) -> None:
    response = submit(client, **{member: value})

    assert response.status_code == 422
    assert response.json["code"] == "invalid_request"
    pointers = [error["pointer"] for error in response.json["errors"]]
    escaped = member.replace("~", "~0").replace("/", "~1")
    assert pointers
    assert all(pointer.startswith(f"/{escaped}") for pointer in pointers)
    assert all(error["message"] for error in response.json["errors"])
    assert stored(store) == 0


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("task_name", "x"),
        ("task_name", "x" * 200),
        ("task_name", "Größe ✓ 你好 👩‍👩‍👧 \u202e\u200b"),
        ("task_name", "<script>alert(1)</script>"),
        ("duration", 1),
        ("duration", 86_400),
        ("priority", 0),
        ("priority", 9),
        ("queue", "a" * 63),
        ("timeout", 86_400),
        ("run_at", "2999-12-31T23:59:59.999Z"),
        ("expires_at", "2999-12-31T23:59:59.000Z"),
        ("labels", {}),
        ("labels", {"a" * 63: "", "team.x-y_z": "é" * 255}),
        ("labels", {str(number): "x" for number in range(16)}),
    ],
)
def test_a_member_at_the_edge_of_what_is_allowed_is_kept_as_it_is(
    client: FlaskClient, member: str, value: Any
) -> None:
    response = submit(client, **{member: value})

    assert response.status_code == 202
    assert client.get(response.location).json[member] == value


@pytest.mark.parametrize("missing", ["task_name", "duration"])
def test_a_missing_member_is_named(client: FlaskClient, missing: str) -> None:
    body = {"task_name": "test", "duration": 3}
    del body[missing]

    response = client.post("/tasks", json=body)

    assert response.status_code == 422
    assert [error["pointer"] for error in response.json["errors"]] == [f"/{missing}"]


def test_every_problem_is_listed_at_once(client: FlaskClient) -> None:
    response = client.post(
        "/tasks", json={"duration": 0, "priority": 10, "labels": {"A": 1}, "x": 1, "y": 2}
    )

    pointers = {error["pointer"] for error in response.json["errors"]}
    assert pointers == {"/task_name", "/duration", "/priority", "/labels/A", "/x", "/y"}
