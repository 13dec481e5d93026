"""A link leads to one task, its events and its log without a key, and to nothing else."""

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from dependency_injector import providers
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from domain.access import Role
from domain.rate_limit import RateLimit
from entrypoints.api.access.needed import LINKED, NEEDED
from entrypoints.container import Container
from tests.fakes.access_keys import FakeAccessKeys
from tests.fakes.clock import FakeClock
from tests.fakes.task_store import FakeTaskStore
from tests.unit.entrypoints.conftest import SETTINGS
from tests.unit.entrypoints.keyed import ask, token_for

A_TASK = {"task_name": "test", "duration": 3}
OLD, NEW = "old" * 20, "new" * 20
READ = {"actions": ["read"]}
BOTH = {"actions": ["read", "cancel"]}
PARTS = ("", "/events", "/logs")


@pytest.fixture
def linking(container: Container, guarded: FlaskClient) -> FlaskClient:
    """A client of the application with TASKS_LINK_SECRET."""
    use_secrets(container, OLD)
    return guarded


def use_secrets(container: Container, *secrets: str) -> None:
    """Go on with other secrets, as after a restart."""
    container.settings.override(providers.Object(replace(SETTINGS, link_secret=secrets)))
    container.authenticate.reset()
    container.link_tasks.reset()


@pytest.fixture
def operator(linking: FlaskClient, container: Container) -> str:
    return token_for(container, Role.OPERATOR)


def submit(client: FlaskClient, token: str, **members: Any) -> str:
    task = ask(client, token, "POST", "/tasks", json=A_TASK | members).json
    assert task is not None
    return str(task["task_id"])


def share(client: FlaskClient, token: str, task_id: str, body: dict[str, Any]) -> dict[str, Any]:
    response = ask(client, token, "POST", f"/tasks/{task_id}/links", json=body)
    assert response.json is not None
    assert response.status_code == 200, response.json
    return dict(response.json)


def status(client: FlaskClient, url: str, method: str = "GET") -> int:
    with closing(client.open(url, method=method)) as response:
        return response.status_code


def statuses(client: FlaskClient, link: dict[str, Any]) -> set[int]:
    return {status(client, link["urls"][name]) for name in ("task", "events", "log")}


def is_unknown(response: TestResponse) -> bool:
    """Return whether the response says no more than that there is no such task."""
    assert response.json is not None
    return (response.status_code, response.json["code"]) == (404, "task_not_found")


def test_its_urls_work_without_a_key(linking: FlaskClient, operator: str) -> None:
    task_id = submit(linking, operator)
    link = share(linking, operator, task_id, READ)

    assert statuses(linking, link) == {200}
    found = linking.get(link["urls"]["task"]).json
    assert found is not None
    assert found["task_id"] == task_id
    assert link["urls"]["page"].startswith(f"/ui/#/tasks/{task_id}?link=tl_")
    assert "cancel" not in link["urls"]
    assert link["actions"] == ["read"]


def test_its_urls_take_the_parameters_of_their_operation(
    linking: FlaskClient, operator: str
) -> None:
    urls = share(linking, operator, submit(linking, operator), READ)["urls"]

    assert status(linking, f"{urls['log']}&after=3") == 200
    assert status(linking, f"{urls['events']}&logs=true") == 200
    assert status(linking, f"{urls['log']}&color=red") == 422
    assert linking.head(urls["task"]).status_code == 200


def test_it_cancels_only_where_it_allows_that(linking: FlaskClient, operator: str) -> None:
    first, second = (submit(linking, operator) for _ in range(2))
    reading, cancelling = (
        share(linking, operator, task_id, body) for task_id, body in ((first, READ), (second, BOTH))
    )

    refused = linking.post(f"/tasks/{first}/cancel?link={reading['token']}")
    cancelled = linking.post(cancelling["urls"]["cancel"])

    assert is_unknown(refused)
    assert (cancelled.status_code, cancelled.json["status"]) == (200, "CANCELLED")  # type: ignore[index]


def test_it_leads_to_no_other_task(linking: FlaskClient, operator: str) -> None:
    token = share(linking, operator, submit(linking, operator), BOTH)["token"]
    other = submit(linking, operator)

    for part in PARTS:
        assert is_unknown(linking.get(f"/tasks/{other}{part}?link={token}"))
    assert is_unknown(linking.post(f"/tasks/{other}/cancel?link={token}"))


def test_it_leads_to_nothing_else_even_beside_a_key_that_may_do_all(
    linking: FlaskClient, operator: str, container: Container
) -> None:
    task_id = submit(linking, operator)
    token = share(linking, operator, task_id, BOTH)["token"]
    admin = token_for(container, Role.ADMIN)

    for rule in linking.application.url_map.iter_rules():
        path = rule.build({name: _value(name, task_id) for name in rule.arguments})
        assert path
        for method in NEEDED.get(rule.endpoint, {}):
            if method in LINKED.get(rule.endpoint, ()):
                continue
            response = ask(linking, admin, method, f"{path[1]}?link={token}")
            assert response.status_code == 404, f"{method} {path[1]}"


def _value(name: str, task_id: str) -> object:
    return {"task_id": task_id, "number": 1}.get(name, "x")


@pytest.mark.parametrize("link", ["", "x", "tl_", "tl_" + "A" * 67, "tm_0123456789ab_" + "A" * 43])
def test_a_wrong_link_is_as_unknown_as_a_task_that_never_was(
    linking: FlaskClient, operator: str, link: str
) -> None:
    task_id, never = submit(linking, operator), "018f0000-0000-7000-8000-000000000000"

    wrong, unknown = (linking.get(f"/tasks/{each}?link={link}") for each in (task_id, never))

    assert is_unknown(wrong)
    assert is_unknown(unknown)
    assert wrong.json is not None
    assert unknown.json is not None
    assert wrong.json["detail"].replace(task_id, never) == unknown.json["detail"]


def test_a_link_that_was_changed_is_unknown(linking: FlaskClient, operator: str) -> None:
    task_id = submit(linking, operator)
    token = share(linking, operator, task_id, READ)["token"]

    for at in (5, 12, 30, len(token) - 1):
        other = "A" if token[at] != "A" else "B"
        changed = f"{token[:at]}{other}{token[at + 1 :]}"
        assert is_unknown(linking.get(f"/tasks/{task_id}?link={changed}"))
    assert is_unknown(linking.get(f"/tasks/{task_id}?link={token}&link={token}"))


def test_it_ends_at_its_time(linking: FlaskClient, operator: str, clock: FakeClock) -> None:
    link = share(linking, operator, submit(linking, operator), READ | {"expires_in": 60})
    clock.advance(timedelta(seconds=59))
    assert statuses(linking, link) == {200}

    clock.advance(timedelta(seconds=1))

    assert statuses(linking, link) == {404}


def test_it_ends_with_the_key_that_made_it(
    linking: FlaskClient, container: Container, clock: FakeClock
) -> None:
    token = token_for(container, Role.OPERATOR)
    link = share(linking, token, submit(linking, token), READ)
    key_id = token.split("_")[1]

    container.manage_keys().rotate(key_id, old_secret_for=timedelta(seconds=60))
    assert statuses(linking, link) == {200}
    clock.advance(timedelta(seconds=60))
    assert statuses(linking, link) == {404}

    other = token_for(container, Role.OPERATOR)
    link = share(linking, other, submit(linking, other), READ)
    container.manage_keys().revoke(other.split("_")[1])
    clock.advance(timedelta(seconds=5))
    assert statuses(linking, link) == {404}


def test_a_session_makes_links_that_end_with_its_key(
    linking: FlaskClient, container: Container, clock: FakeClock
) -> None:
    token = token_for(container, Role.OPERATOR)
    task_id = submit(linking, token)
    ask(linking, token, "POST", "/session")
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    link = linking.post(f"/tasks/{task_id}/links", json={}, headers=own).json
    linking.delete_cookie("tm_session")
    assert link is not None
    assert statuses(linking, link) == {200}

    container.manage_keys().rotate(token.split("_")[1], old_secret_for=timedelta(0))
    clock.advance(timedelta(seconds=5))

    assert statuses(linking, link) == {404}


def test_the_secret_can_be_replaced_while_links_live(
    linking: FlaskClient, operator: str, container: Container
) -> None:
    task_id = submit(linking, operator)
    old = share(linking, operator, task_id, READ)

    use_secrets(container, NEW, OLD)
    new = share(linking, operator, task_id, READ)
    assert [statuses(linking, each) for each in (old, new)] == [{200}, {200}]

    use_secrets(container, NEW)
    assert [statuses(linking, each) for each in (old, new)] == [{404}, {200}]


@pytest.fixture
def tenants(linking: FlaskClient, container: Container) -> tuple[str, str]:
    return tuple(  # type: ignore[misc]
        token_for(container, Role.OPERATOR, labels={"tenant": name}) for name in ("a", "b")
    )


def test_a_link_gives_no_more_than_its_maker_has(
    linking: FlaskClient, container: Container, tenants: tuple[str, str], operator: str
) -> None:
    mine, theirs = (submit(linking, token) for token in tenants)
    first, _ = tenants

    assert is_unknown(ask(linking, first, "POST", f"/tasks/{theirs}/links", json={}))
    link = share(linking, first, mine, READ)
    moved = ask(linking, operator, "PATCH", f"/tasks/{mine}", json={"labels": {"tenant": "b"}})
    assert moved.status_code == 200
    assert statuses(linking, link) == {404}


def test_a_viewer_shares_what_it_reads_but_no_cancel(
    linking: FlaskClient, operator: str, container: Container
) -> None:
    task_id, viewer = submit(linking, operator), token_for(container, Role.VIEWER)

    assert statuses(linking, share(linking, viewer, task_id, READ)) == {200}
    refused = ask(linking, viewer, "POST", f"/tasks/{task_id}/links", json=BOTH)
    assert refused.status_code == 403


def test_who_holds_a_link_uses_nothing_of_the_limit_of_its_key(
    linking: FlaskClient, container: Container, store: FakeTaskStore
) -> None:
    token = token_for(container, Role.OPERATOR, rate_limit=RateLimit(3, "hour"))
    url = share(linking, token, submit(linking, token), READ)["urls"]["task"]

    assert [status(linking, url) for _ in range(4)] == [200, 200, 200, 429]
    assert ask(linking, token, "GET", "/tasks").status_code == 200


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"expires_in": 0}, "/expires_in"),
        ({"expires_in": 30 * 86_400 + 1}, "/expires_in"),
        ({"actions": []}, "/actions"),
        ({"actions": ["cancel"]}, "/actions"),
        ({"actions": ["read", "delete"]}, "/actions/1"),
        ({"task_id": "x"}, "/task_id"),
    ],
)
def test_an_invalid_link_is_explained(
    linking: FlaskClient, operator: str, body: dict[str, Any], pointer: str
) -> None:
    path = f"/tasks/{submit(linking, operator)}/links"

    response = ask(linking, operator, "POST", path, json=body)

    assert response.status_code == 422
    assert response.json is not None
    assert [error["pointer"] for error in response.json["errors"]] == [pointer]


def test_without_a_secret_or_keys_there_are_no_links(
    guarded: FlaskClient, client: FlaskClient, container: Container
) -> None:
    token = token_for(container, Role.OPERATOR)
    path = f"/tasks/{submit(guarded, token)}/links"

    without_secret = ask(guarded, token, "POST", path, json={})
    assert without_secret.json is not None
    assert without_secret.json["code"] == "links_not_used"
    assert "TASKS_LINK_SECRET" in without_secret.json["detail"]
    without_keys = client.post(path, json={})
    assert without_keys.json is not None
    assert without_keys.json["code"] == "keys_not_used"


def test_while_the_store_is_away_a_link_is_not_called_wrong(
    linking: FlaskClient, operator: str, access_keys: FakeAccessKeys, clock: FakeClock
) -> None:
    url = share(linking, operator, submit(linking, operator), READ)["urls"]["task"]
    access_keys.away = True
    clock.advance(timedelta(minutes=2))

    assert status(linking, url) == 503
