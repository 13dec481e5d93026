"""Limits that keep one request from blocking a process."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from application.json_values import has_more_values
from tests.unit.entrypoints.calls import allow_bodies, allow_large_batches, submit


@pytest.fixture
def large(client: FlaskClient) -> FlaskClient:
    """A client that may send bodies of 8 MiB."""
    allow_bodies(client, 8 * 1024 * 1024)
    allow_large_batches(client)
    return client


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/tasks/batch", {"tasks": [{}] * 1_001}, "/tasks"),
        ("/tasks/actions", {"action": "cancel", "ids": [1] * 10_001}, "/ids"),
        ("/tasks/actions", {"action": "cancel", "filter": {"status": ["x"] * 9}}, "/filter/status"),
        (
            "/tasks",
            {"task_name": "x", "duration": 1, "labels": {f"A{number}": 1 for number in range(17)}},
            "/labels",
        ),
    ],
)
def test_a_list_or_map_that_is_too_long_is_one_error(
    large: FlaskClient, path: str, body: Any, pointer: str
) -> None:
    response = large.post(path, json=body)

    assert response.status_code == 422
    assert [error["pointer"] for error in response.json["errors"]] == [pointer]
    assert "errors_omitted" not in response.json


def test_errors_end_at_100_and_the_rest_are_counted(large: FlaskClient) -> None:
    response = large.post("/tasks/batch", json={"tasks": [{"a": 1, "b": 2}] * 1_000})

    assert len(response.json["errors"]) == 100
    assert (
        response.json["errors_omitted"] == 4 * 1_000 - 100
    )  # a, b, task_name and duration of each
    assert "3,900 more" in response.json["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"0," * 60_000 + b"0]",
        b"[" + b"[]," * 60_000 + b"0]",
        b"[" + b'"",' * 2_000_000 + b'""]',
    ],
)
def test_a_body_of_too_many_values_is_refused(large: FlaskClient, body: bytes) -> None:
    response = large.post("/tasks/batch", data=body, content_type="application/json")

    assert response.status_code == 400
    assert "more than 60,000 list elements" in response.json["detail"]


@pytest.mark.parametrize("text", ["a,b;[{" * 50_000, 'x,"\\' * 50_000, "\\," * 150_000])
def test_commas_and_brackets_inside_of_strings_do_not_count(text: str) -> None:
    assert not has_more_values(json.dumps({"csv": [text, text]}).encode(), 3)
    assert has_more_values(json.dumps({"csv": [text, text]}).encode(), 2)


def test_a_payload_of_too_many_values_is_refused(large: FlaskClient) -> None:
    payload = {"url": "https://example.com/", "json": [[0] * 10] * 3_000}

    response = large.post("/tasks", json={"task_name": "x", "type": "http", "payload": payload})

    assert response.status_code == 422
    assert [error["pointer"] for error in response.json["errors"]] == ["/payload"]


def test_a_batch_of_too_many_different_labels_is_refused(large: FlaskClient) -> None:
    keys, numbers = [f"k{key}" for key in range(16)], range(251)
    tasks = [
        {"task_name": "x", "duration": 1, "labels": dict.fromkeys(keys, str(number))}
        for number in numbers
    ]

    response = large.post("/tasks/batch", json={"tasks": tasks})

    assert (response.status_code, response.json["code"]) == (422, "invalid_request")
    [error] = response.json["errors"]
    assert error["pointer"] == "/tasks"
    assert error["message"].startswith("The tasks have 4,016 different labels;")
    assert large.post("/tasks/batch", json={"tasks": tasks[1:]}).status_code == 202


@pytest.mark.parametrize("digits", [310, 5_000])
def test_a_number_of_very_many_digits_is_refused(large: FlaskClient, digits: int) -> None:
    body = f'{{"task_name": "x", "duration": -{"9" * digits}}}'

    response = large.post("/tasks", data=body, content_type="application/json")

    assert response.status_code == 400
    assert (
        f"{digits:,} digits" in response.json["detail"]
        or f"{digits + 1:,} digits" in response.json["detail"]
    )


def test_long_statuses_and_headers_of_http_tasks_are_refused(large: FlaskClient) -> None:
    payload = {
        "url": "https://example.com/",
        "success_status": [200] * 501,
        "headers": {f"A{number}": "x" for number in range(101)},
    }

    response = large.post("/tasks", json={"task_name": "x", "type": "http", "payload": payload})

    assert response.status_code == 422
    assert {error["pointer"] for error in response.json["errors"]} == {
        "/payload/success_status",
        "/payload/headers",
    }


def test_a_problem_quotes_a_long_request_only_in_part(large: FlaskClient) -> None:
    response = submit(large, **{"x" * 100_000: 1})

    assert response.status_code == 422
    assert len(response.get_data()) < 5_000


@pytest.mark.parametrize(
    "header", ["Accept", "If-Match", "If-None-Match", "Prefer", "Idempotency-Key"]
)
def test_the_headers_of_one_name_are_bounded_together(client: FlaskClient, header: str) -> None:
    response = client.get("/tasks", headers={header: "a" * 8_191})

    assert (response.status_code, response.json["code"]) == (431, "headers_too_large")


@pytest.mark.parametrize("tag", ["9" * 5_000, "9" * 16])
def test_a_tag_of_very_many_digits_is_no_version(client: FlaskClient, tag: str) -> None:
    location = submit(client).headers["Location"]

    assert (
        client.patch(
            location, json={"task_name": "y"}, headers={"If-Match": f'"{tag}"'}
        ).status_code
        == 412
    )
