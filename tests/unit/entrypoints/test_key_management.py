"""The keys of the API: made, listed, rotated and revoked."""

import json
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from domain.access import Role
from entrypoints.container import Container
from tests.fakes.clock import FakeClock
from tests.unit.entrypoints.keyed import ask, token_for

A_TASK = {"task_name": "test", "duration": 3}
UNKNOWN = "018f0000-0000-7000-8000-000000000000"
OWN_PAGE = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}


def test_a_revoked_key_is_refused(
    guarded: FlaskClient, container: Container, clock: FakeClock
) -> None:
    admin = token_for(container, Role.ADMIN)
    made = ask(guarded, admin, "POST", "/keys", json={"name": "x", "role": "viewer"}).json
    assert made is not None
    assert ask(guarded, made["token"], "GET", "/tasks").status_code == 200

    assert ask(guarded, admin, "DELETE", f"/keys/{made['key_id']}").status_code == 204

    assert ask(guarded, made["token"], "GET", "/tasks").status_code == 401
    assert ask(guarded, admin, "DELETE", f"/keys/{made['key_id']}").status_code == 404


def test_keys_are_listed_without_secrets(guarded: FlaskClient, container: Container) -> None:
    admin = token_for(container, Role.ADMIN)
    body = {"name": "x", "role": "operator", "queues": ["a"], "labels": {"t": "u"}}
    made = ask(guarded, admin, "POST", "/keys", json=body)
    listed = ask(guarded, admin, "GET", "/keys").json

    assert made.status_code == 201
    assert made.headers["Cache-Control"] == "no-store"
    assert made.json is not None
    assert listed is not None
    without = {name: value for name, value in made.json.items() if name != "token"}
    assert without in listed["keys"]
    assert made.json["token"].split("_", 2)[2] not in json.dumps(listed)
    assert "last_used_at" in next(key for key in listed["keys"] if key["role"] == "admin")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": "", "role": "viewer"}, "/name"),
        ({"name": "x"}, "/role"),
        ({"name": "x", "role": "king"}, "/role"),
        ({"name": "x", "role": "admin", "queues": ["a"]}, "/queues"),
        ({"name": "x", "role": "viewer", "queues": []}, "/queues"),
        ({"name": "x", "role": "viewer", "expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"name": "x", "role": "viewer", "labels": {"A": "x"}}, "/labels"),
        ({"name": "x", "role": "viewer", "secret": "x"}, "/secret"),
    ],
)
def test_an_invalid_key_is_explained(
    guarded: FlaskClient, container: Container, body: dict[str, object], pointer: str
) -> None:
    response = ask(guarded, token_for(container, Role.ADMIN), "POST", "/keys", json=body)

    assert response.status_code == 422
    assert response.json is not None
    assert [error["pointer"][: len(pointer)] for error in response.json["errors"]] == [pointer]


def test_a_rotated_key_has_a_new_token_and_keeps_its_tasks(
    guarded: FlaskClient, container: Container, clock: FakeClock
) -> None:
    admin = token_for(container, Role.ADMIN)
    issued = container.manage_keys().create(name="shop", role=Role.SUBMITTER)
    task = ask(guarded, str(issued.token), "POST", "/tasks", json=A_TASK).json
    assert task is not None

    path = f"/keys/{issued.key.key_id}/rotate"
    rotated = ask(guarded, admin, "POST", path, json={"keep_seconds": 60}).json

    assert rotated is not None
    for token in (rotated["token"], str(issued.token)):
        assert ask(guarded, token, "GET", f"/tasks/{task['task_id']}").status_code == 200
    clock.advance(timedelta(seconds=60))
    assert ask(guarded, str(issued.token), "GET", "/tasks").status_code == 401
    assert ask(guarded, rotated["token"], "GET", "/tasks").status_code == 200


def test_without_keys_anyone_is_an_admin_but_makes_none(client: FlaskClient) -> None:
    session = client.get("/session").json

    assert session is not None
    assert (session["needs_key"], session["role"]) == (False, "admin")
    for method, path in (("POST", "/session"), ("GET", "/keys")):
        response = client.open(path, method=method)
        assert response.status_code == 409
        assert response.json is not None
        assert response.json["code"] == "keys_not_used"
    body = {"name": "x", "role": "admin"}
    assert client.post("/keys", json=body).status_code == 409
