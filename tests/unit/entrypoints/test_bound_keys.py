"""Bound keys have their own tasks alone, and submit as they are bound."""

import pytest
from flask.testing import FlaskClient

from domain.access import Role
from entrypoints.container import Container
from tests.unit.entrypoints.keyed import ask, token_for

A_TASK = {"task_name": "test", "duration": 3}
UNKNOWN = "018f0000-0000-7000-8000-000000000000"
OWN_PAGE = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize(
    "path", ["/stats", "/stats/series", "/queues/a/scaling", "/workers", "/deliveries"]
)
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
