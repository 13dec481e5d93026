"""Bodies of requests: JSON, media type and size."""

import json

import pytest
from flask.testing import FlaskClient

from tests.fakes.task_store import FakeTaskStore
from tests.unit.entrypoints.calls import allow_bodies, stored


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"task_name": "a", "duration": NaN}',
        b'{"task_name": "a", "duration": Infinity}',
        b'{"task_name": "a", "duration": -Infinity}',
        b'{"task_name": "a", "task_name": "b", "duration": 3}',
        b'{"task_name": "a", "duration": 3, "labels": {"a": "1", "a": "2"}}',
        b'{"task_name": "\xff", "duration": 3}',
        '{"task_name": "a", "duration": 3}'.encode("utf-16"),
        b"[" * 33 + b"]" * 33,
        b'{"a":' * 800,
        b"[" * 2000 + b"]" * 2000,
        b'{"task_name": "a", "duration": 3}'[:-1],
        b'{"task_name": "a", "duration": 3}'[:15],
        b'{"task_name": "a", "duration": ' + b"9" * 310 + b"}",
        b'{"task_name": "a", "duration": 3} trailing',
    ],
)
def test_what_is_not_json_is_refused(
    client: FlaskClient, store: FakeTaskStore, body: bytes
) -> None:
    response = client.post("/tasks", data=body, content_type="application/json")

    assert (response.status_code, response.json["code"]) == (400, "malformed_request")
    assert response.mimetype == "application/problem+json"
    assert stored(store) == 0


def test_a_body_of_unknown_members_lists_the_first_100(
    client: FlaskClient,
) -> None:
    allow_bodies(client, 10**6)

    response = client.post("/tasks", json={f"m{number}": 1 for number in range(20_000)})

    assert response.status_code == 422
    assert len(response.json["errors"]) == 100
    assert {error["message"] for error in response.json["errors"]} == {"Unknown field."}
    assert response.json["errors_omitted"] == 19_900
    assert "19,900 more" in response.json["detail"]


def test_a_duplicate_member_is_found_among_very_many(client: FlaskClient) -> None:
    allow_bodies(client, 10**7)
    members = ",".join(f'"{number}":1' for number in [*range(50_000), 0])

    response = client.post("/tasks", data=f"{{{members}}}", content_type="application/json")

    assert (response.status_code, "occurs more than once" in response.json["detail"]) == (400, True)


@pytest.mark.parametrize("body", ["[]", "3", '"text"', "null", "true", "[[[]]]"])
def test_json_that_is_not_an_object_is_refused(client: FlaskClient, body: str) -> None:
    response = client.post("/tasks", data=body, content_type="application/json")

    assert response.status_code == 422
    assert response.json["errors"][0]["pointer"] == ""


@pytest.mark.parametrize(
    "content_type",
    [None, "text/plain", "application/x-www-form-urlencoded", "application/merge-patch+json"],
)
def test_another_media_type_is_refused(client: FlaskClient, content_type: str | None) -> None:
    response = client.post(
        "/tasks", data='{"task_name": "test", "duration": 3}', content_type=content_type
    )

    assert (response.status_code, response.json["code"]) == (415, "unsupported_media_type")


def test_a_charset_beside_the_media_type_is_accepted(client: FlaskClient) -> None:
    response = client.post(
        "/tasks",
        data='{"task_name": "ü", "duration": 3}'.encode(),
        content_type="application/json; charset=utf-8",
    )

    assert response.json["task_name"] == "ü"


@pytest.mark.parametrize(("size", "status"), [(4096, 202), (4097, 413), (100_000, 413)])
def test_a_body_over_the_limit_is_refused(client: FlaskClient, size: int, status: int) -> None:
    body = json.dumps({"task_name": "test", "duration": 3})

    response = client.post("/tasks", data=body.ljust(size), content_type="application/json")

    assert response.status_code == status
    assert status == 202 or "at most 4096 bytes" in response.json["detail"]
