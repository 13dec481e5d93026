"""TASKS_AUTH=keys: who is let in, and what each role may do."""

import json
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from domain.access import PERMISSIONS, Role
from entrypoints.api.access.needed import NEEDED, PUBLIC
from entrypoints.api.access.wrong_keys import DELAY_SECONDS, FREE_FAILURES, MAX_DELAYED
from entrypoints.api.resources.blueprints import BLUEPRINTS
from entrypoints.container import Container
from tests.fakes.access_keys import FakeAccessKeys
from tests.fakes.clock import FakeClock
from tests.unit.entrypoints.keyed import ask, token_for

A_TASK = {"task_name": "test", "duration": 3}
UNKNOWN = "018f0000-0000-7000-8000-000000000000"
OWN_PAGE = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}


def test_every_operation_says_which_permission_it_needs(guarded_app: Flask) -> None:
    names = {blueprint.name for blueprint in BLUEPRINTS}
    routes = {
        (rule.endpoint, method)
        for rule in guarded_app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint.partition(".")[0] in names and rule.endpoint not in PUBLIC
    }

    assert routes == {(name, method) for name, methods in NEEDED.items() for method in methods}


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({}, "asks for a key"),
        ({"Authorization": ""}, "must be Bearer and a key"),
        ({"Authorization": "Basic dXNlcjpwYXNz"}, "must be Bearer and a key"),
        ({"Authorization": "Bearer"}, "must be Bearer and a key"),
        ({"Authorization": "Bearer "}, "The key is wrong, has expired or was revoked."),
        ({"Authorization": "Bearer tm_x"}, "The key is wrong, has expired or was revoked."),
    ],
)
def test_without_a_valid_key_nothing_is_let_in(
    guarded: FlaskClient, headers: dict[str, str], told: str
) -> None:
    response = guarded.get("/tasks", headers=headers)

    assert response.status_code == 401
    assert response.json is not None
    assert response.json["code"] == "unauthorized"
    assert told in response.json["detail"]
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_an_unknown_session_is_over(guarded: FlaskClient) -> None:
    guarded.set_cookie("tm_session", "x")

    response = guarded.get("/tasks")

    assert response.status_code == 401
    assert response.json is not None
    assert response.json["detail"] == "The session is over. Sign in again."


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_valid_key_is_let_in(guarded: FlaskClient, container: Container, scheme: str) -> None:
    token = token_for(container, Role.VIEWER)

    assert guarded.get("/tasks", headers={"Authorization": f"{scheme} {token}"}).status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/ui/", "/docs", "/openapi.json"])
def test_probes_and_pages_need_no_key(guarded: FlaskClient, path: str) -> None:
    assert guarded.get(path, follow_redirects=True).status_code == 200


def test_what_does_not_exist_needs_no_key(guarded: FlaskClient) -> None:
    assert guarded.get("/nothing").status_code == 404
    assert guarded.open("/tasks", method="DELETE").status_code == 405
    assert guarded.options("/tasks").status_code == 200


def _paths() -> dict[str, str]:
    task, queue, key = f"/tasks/{UNKNOWN}", "/queues/none", "/keys/none"
    return {
        "tasks.Tasks": "/tasks",
        "tasks.OneTask": task,
        "tasks.Counts": "/tasks/counts",
        "tasks.Cancel": f"{task}/cancel",
        "tasks.Retry": f"{task}/retry",
        "tasks.Attempts": f"{task}/attempts",
        "tasks.Logs": f"{task}/logs",
        "tasks.Deliveries": f"{task}/deliveries",
        "tasks.Resend": f"{task}/deliveries/1/resend",
        "bulk.Batch": "/tasks/batch",
        "bulk.Actions": "/tasks/actions",
        "events.TaskEvents": f"{task}/events",
        "events.Events": "/events",
        "overview.Queues": "/queues",
        "overview.OneQueue": queue,
        "overview.Pause": f"{queue}/pause",
        "overview.Resume": f"{queue}/resume",
        "overview.Workers": "/workers",
        "overview.Types": "/types",
        "overview.Stats": "/stats",
        "overview.StatsSeries": "/stats/series",
        "overview.AllDeliveries": "/deliveries",
        "metrics.Metrics": "/metrics",
        "access.Session": "/session",
        "access.Keys": "/keys",
        "access.OneKey": key,
        "access.Rotate": f"{key}/rotate",
    }


@pytest.mark.parametrize("role", list(Role))
def test_each_role_may_do_what_it_has_permission_for(
    guarded: FlaskClient, container: Container, role: Role
) -> None:
    token, paths = token_for(container, role), _paths()
    for endpoint, methods in NEEDED.items():
        for method, needed in methods.items():
            response = ask(guarded, token, method, paths[endpoint])
            refused = response.status_code == 403
            response.close()

            assert refused == (needed is not None and needed not in PERMISSIONS[role]), (
                f"{method} {paths[endpoint]} as {role}: {response.status}"
            )
            assert response.status_code not in {401, 500}


def test_a_refusal_names_the_roles_that_may(guarded: FlaskClient, container: Container) -> None:
    response = ask(guarded, token_for(container, Role.VIEWER), "POST", "/tasks", json=A_TASK)

    assert response.json is not None
    assert response.json["code"] == "forbidden"
    assert response.json["detail"] == (
        "This key has the role viewer. This operation needs a key with the role submitter or "
        "operator or admin."
    )


@pytest.mark.parametrize("path", ["/stats", "/stats/series", "/workers", "/deliveries"])
def test_a_bound_key_does_not_see_the_whole_service(
    guarded: FlaskClient, container: Container, path: str
) -> None:
    response = ask(guarded, token_for(container, Role.VIEWER, queues=["a"]), "GET", path)

    assert response.status_code == 403
    assert response.json is not None
    assert "is bound to queues or labels" in response.json["detail"]


def test_a_submitter_cannot_delete_in_bulk(guarded: FlaskClient, container: Container) -> None:
    token = token_for(container, Role.SUBMITTER)
    for action, status in (("cancel", 200), ("retry", 200), ("delete", 403)):
        body = {"action": action, "filter": {}}
        assert ask(guarded, token, "POST", "/tasks/actions", json=body).status_code == status


def test_a_task_says_which_key_submitted_it(guarded: FlaskClient, container: Container) -> None:
    issued = container.manage_keys().create(name="shop", role=Role.OPERATOR)
    task = ask(guarded, str(issued.token), "POST", "/tasks", json=A_TASK).json
    assert task is not None

    found = ask(guarded, str(issued.token), "GET", f"/tasks/{task['task_id']}").json

    assert found is not None
    assert task["submitted_by"] == found["submitted_by"] == issued.key.key_id


def test_a_bound_key_submits_with_its_labels_and_into_its_queues(
    guarded: FlaskClient, container: Container
) -> None:
    token = token_for(container, Role.OPERATOR, queues=["a", "b"], labels={"tenant": "acme"})

    accepted = ask(
        guarded, token, "POST", "/tasks", json={**A_TASK, "queue": "b", "labels": {"x": "y"}}
    )
    refused = ask(guarded, token, "POST", "/tasks", json={**A_TASK, "labels": {"tenant": "other"}})

    assert accepted.json is not None
    assert accepted.json["labels"] == {"tenant": "acme", "x": "y"}
    assert refused.status_code == 422
    assert refused.json is not None
    assert refused.json["errors"] == [
        {
            "pointer": "/queue",
            "message": "This key is bound to the queues a, b, not 'default'.",
        },
        {
            "pointer": "/labels/tenant",
            "message": "This key is bound to 'acme'. Leave the label out.",
        },
    ]


def test_a_bound_key_cannot_move_its_tasks_away(guarded: FlaskClient, container: Container) -> None:
    token = token_for(container, Role.OPERATOR, queues=["a"], labels={"tenant": "acme"})
    task = ask(guarded, token, "POST", "/tasks", json={**A_TASK, "queue": "a"}).json
    assert task is not None
    path = f"/tasks/{task['task_id']}"

    moved = ask(guarded, token, "PATCH", path, json={"queue": "b"})
    renamed = ask(guarded, token, "PATCH", path, json={"labels": {"tenant": "other"}})
    removed = ask(guarded, token, "PATCH", path, json={"labels": None, "priority": 9})
    replaced = ask(guarded, token, "PUT", path, json={**A_TASK, "queue": "a"})

    assert (moved.status_code, renamed.status_code) == (422, 422)
    for response in (removed, replaced):
        assert response.json is not None
        assert response.json["labels"] == {"tenant": "acme"}


def test_an_idempotency_key_belongs_to_the_key_that_sent_it(
    guarded: FlaskClient, container: Container
) -> None:
    one, other = (token_for(container, Role.SUBMITTER) for _ in range(2))
    header = {"Idempotency-Key": "same"}

    first = ask(guarded, one, "POST", "/tasks", json=A_TASK, headers=header)
    again = ask(guarded, one, "POST", "/tasks", json=A_TASK, headers=header)
    of_other = ask(guarded, other, "POST", "/tasks", json={**A_TASK, "priority": 1}, headers=header)

    assert first.json == again.json
    assert again.headers["Idempotent-Replayed"] == "true"
    assert of_other.status_code == 202
    assert "Idempotent-Replayed" not in of_other.headers


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


def test_a_browser_signs_in_and_out(guarded: FlaskClient, container: Container) -> None:
    token = token_for(container, Role.OPERATOR)
    opened = ask(guarded, token, "POST", "/session", headers=OWN_PAGE)
    cookie = opened.headers["Set-Cookie"]
    assert opened.status_code == 201
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Strict", "Max-Age=43200"))
    assert "Secure" not in cookie
    assert token.split("_", 2)[2] not in cookie

    assert guarded.get("/tasks").status_code == 200
    assert guarded.post("/tasks", json=A_TASK, headers=OWN_PAGE).status_code == 202
    session = guarded.get("/session").json
    assert session is not None
    assert (session["needs_key"], session["role"]) == (True, "operator")

    secret = guarded.get_cookie("tm_session")
    assert guarded.delete("/session", headers=OWN_PAGE).status_code == 204
    assert guarded.get("/tasks").status_code == 401
    assert secret is not None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    ],
)
def test_a_session_writes_only_for_pages_of_this_service(
    guarded: FlaskClient, container: Container, headers: dict[str, str]
) -> None:
    ask(guarded, token_for(container, Role.OPERATOR), "POST", "/session")

    response = guarded.post("/tasks", json=A_TASK, headers=headers)

    assert response.status_code == 403
    assert response.json is not None
    assert response.json["code"] == "cross_site_request"


def test_wrong_keys_are_slowed_down_and_right_ones_of_the_same_address_are_not(
    guarded: FlaskClient, container: Container, clock: FakeClock
) -> None:
    token, began = token_for(container, Role.VIEWER), clock.monotonic()
    wrong = token[:-1] + ("x" if token[-1] != "x" else "y")
    for _ in range(FREE_FAILURES):
        assert ask(guarded, wrong, "GET", "/tasks").status_code == 401
    assert clock.monotonic() == began

    assert ask(guarded, wrong, "GET", "/tasks").status_code == 401
    assert clock.monotonic() == began + DELAY_SECONDS
    assert ask(guarded, token, "GET", "/tasks").status_code == 200
    assert clock.monotonic() == began + DELAY_SECONDS


def test_more_wrong_keys_than_can_wait_are_refused_at_once(
    guarded_app: Flask, guarded: FlaskClient, container: Container
) -> None:
    wrong_keys = guarded_app.extensions["wrong_keys"]
    for _ in range(FREE_FAILURES):
        ask(guarded, "tm_x", "GET", "/tasks")
    wrong_keys._delayed = MAX_DELAYED

    response = ask(guarded, "tm_x", "GET", "/tasks")

    assert response.status_code == 429
    assert response.headers["Retry-After"] == "1"
    assert ask(guarded, token_for(container, Role.VIEWER), "GET", "/tasks").status_code == 200


def test_while_the_store_is_away_a_known_key_gets_503_and_never_401(
    guarded: FlaskClient, container: Container, access_keys: FakeAccessKeys, clock: FakeClock
) -> None:
    token, other = token_for(container, Role.VIEWER), token_for(container, Role.VIEWER)
    assert ask(guarded, token, "GET", "/types").status_code == 200
    access_keys.away = True
    clock.advance(timedelta(seconds=50))

    assert ask(guarded, token, "GET", "/types").status_code == 200
    assert ask(guarded, other, "GET", "/types").status_code == 503
    assert guarded.get("/livez").status_code == 200


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
