"""TASKS_AUTH=keys: who is let in, and what each role may do."""

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
        "tasks.History": f"{task}/history",
        "tasks.Logs": f"{task}/logs",
        "tasks.Links": f"{task}/links",
        "tasks.Deliveries": f"{task}/deliveries",
        "tasks.Resend": f"{task}/deliveries/1/resend",
        "bulk.Batch": "/tasks/batch",
        "bulk.Actions": "/tasks/actions",
        "events.TaskEvents": f"{task}/events",
        "events.Events": "/events",
        "schedules.Schedules": "/schedules",
        "schedules.Preview": "/schedules/preview",
        "schedules.OneSchedule": "/schedules/none",
        "schedules.RunNow": "/schedules/none/run",
        "schedules.PauseSchedule": "/schedules/none/pause",
        "schedules.ResumeSchedule": "/schedules/none/resume",
        "overview.Queues": "/queues",
        "overview.OneQueue": queue,
        "overview.Pause": f"{queue}/pause",
        "overview.Resume": f"{queue}/resume",
        "overview.Scaling": f"{queue}/scaling",
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
