"""Sessions of browsers, which stand for a key."""

import pytest
from flask.testing import FlaskClient

from domain.access import Role
from entrypoints.container import Container
from tests.unit.entrypoints.keyed import ask, token_for

A_TASK = {"task_name": "test", "duration": 3}
UNKNOWN = "018f0000-0000-7000-8000-000000000000"
OWN_PAGE = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}


def test_an_unknown_session_is_over(guarded: FlaskClient) -> None:
    guarded.set_cookie("tm_session", "x")

    response = guarded.get("/tasks")

    assert response.status_code == 401
    assert response.json is not None
    assert response.json["detail"] == "The session is over. Sign in again."


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


def test_a_session_cannot_open_another_one(guarded: FlaskClient, container: Container) -> None:
    ask(guarded, token_for(container, Role.OPERATOR), "POST", "/session")

    response = guarded.post("/session", headers=OWN_PAGE)

    assert response.status_code == 401
    assert response.json is not None
    assert "Sign in with the key" in response.json["detail"]
    assert "Set-Cookie" not in response.headers


def test_a_session_is_over_with_the_secret_that_opened_it(
    guarded: FlaskClient, container: Container
) -> None:
    """Who has a stolen secret keeps no session when it is rotated away."""
    token = token_for(container, Role.OPERATOR)
    admin = token_for(container, Role.ADMIN)
    key_id = token.split("_")[1]
    ask(guarded, token, "POST", "/session")
    assert guarded.get("/tasks").status_code == 200

    rotated = ask(guarded, admin, "POST", f"/keys/{key_id}/rotate", json={"keep_seconds": 0})

    assert rotated.status_code == 200
    assert guarded.get("/tasks").status_code == 401


@pytest.mark.parametrize("path", ["/tasks", "/tasks/counts", "/queues", "/types"])
def test_no_cache_keeps_what_a_caller_may_see(
    guarded: FlaskClient, container: Container, path: str
) -> None:
    ask(guarded, token_for(container, Role.OPERATOR), "POST", "/session")

    assert guarded.get(path).headers["Cache-Control"] == "no-store"


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
