"""GET /tasks/<id>/history, and who made each change of which an event tells."""

import json

import pytest
from flask.testing import FlaskClient

from domain.access import Role
from entrypoints.container import Container
from tests.fakes.task_store import FakeTaskStore
from tests.storing import claim, completed
from tests.unit.entrypoints.keyed import ask, token_for

A_TASK = {"task_name": "test", "duration": 3}
OWN_PAGE = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
FROM_AFAR = {"REMOTE_ADDR": "10.0.0.7"}


def test_a_service_without_keys_tells_the_address_of_who_changed_a_task(
    client: FlaskClient, store: FakeTaskStore
) -> None:
    path = f"/tasks/{client.post('/tasks', json=A_TASK).json['task_id']}"
    changes = {"priority": 9, "labels": {"team": "a"}}
    client.patch(path, json=changes, environ_base=FROM_AFAR)
    store.save(completed(claim(store, "worker-1:7")))

    history = client.get(f"{path}/history").json

    assert history["unrecorded"] == 0
    assert "next_cursor" not in history
    submitted, updated, started, ended = history["entries"]
    assert submitted["actor"] == {"kind": "anonymous", "address": "127.0.0.1"}
    assert updated["time"] >= submitted["time"]
    del updated["time"]
    assert updated == {
        "version": 2,
        "event": "task.updated",
        "actor": {"kind": "anonymous", "address": "10.0.0.7"},
        "changes": [
            {"member": "priority", "before": 5, "after": 9},
            {"member": "labels/team", "after": "a"},
        ],
    }
    worker = {"kind": "worker", "name": "worker-1"}
    assert [(each["event"], each["actor"], each["attempt"]) for each in (started, ended)] == [
        ("task.started", worker, 1),
        ("task.completed", worker, 1),
    ]


def test_a_key_and_the_session_of_a_browser_are_named(
    guarded: FlaskClient, container: Container
) -> None:
    issued = container.manage_keys().create(name="shop", role=Role.OPERATOR)
    token = str(issued.token)
    path = f"/tasks/{ask(guarded, token, 'POST', '/tasks', json=A_TASK).json['task_id']}"
    assert ask(guarded, token, "POST", "/session", headers=OWN_PAGE).status_code == 201
    assert guarded.post(f"{path}/cancel", headers=OWN_PAGE).status_code == 200

    history = ask(guarded, token, "GET", f"{path}/history").json

    who = {"key_id": issued.key.key_id, "name": "shop", "address": "127.0.0.1"}
    assert [entry["actor"] for entry in history["entries"]] == [
        {"kind": "key", **who},
        {"kind": "session", **who},
    ]


def test_the_history_is_for_those_who_may_read_the_task(
    guarded: FlaskClient, container: Container
) -> None:
    acme, other = (
        token_for(container, Role.OPERATOR, labels={"tenant": tenant})
        for tenant in ("acme", "other")
    )
    submitter = token_for(container, Role.SUBMITTER)
    path = f"/tasks/{ask(guarded, acme, 'POST', '/tasks', json=A_TASK).json['task_id']}/history"

    assert ask(guarded, acme, "GET", path).status_code == 200
    for stranger in (other, submitter):
        assert ask(guarded, stranger, "GET", path).json["code"] == "task_not_found"
    assert guarded.get(path).status_code == 401


def test_pages_follow_their_cursors(client: FlaskClient) -> None:
    path = f"/tasks/{client.post('/tasks', json=A_TASK).json['task_id']}"
    for priority in range(4):
        client.patch(path, json={"priority": priority})

    first = client.get(f"{path}/history?page_size=3").json
    second = client.get(f"{path}/history?page_size=3&cursor={first['next_cursor']}").json

    pages = (first, second)
    assert [[entry["version"] for entry in page["entries"]] for page in pages] == [
        [1, 2, 3],
        [4, 5],
    ]
    assert "next_cursor" not in second
    refused = client.get(f"{path}/history?cursor=nonsense")
    assert refused.json["errors"][0]["message"] == "Must be a next_cursor of this service."


@pytest.mark.parametrize("path", ["/tasks/nonsense/history", "/tasks/nonsense/history?page_size=1"])
def test_a_task_that_does_not_exist_has_none(client: FlaskClient, path: str) -> None:
    assert client.get(path).json["code"] == "task_not_found"


def test_each_event_says_who_made_the_change(client: FlaskClient) -> None:
    path = f"/tasks/{client.post('/tasks', json=A_TASK).json['task_id']}"
    client.post(f"{path}/cancel", environ_base=FROM_AFAR)

    stream = client.get(f"{path}/events", headers={"Last-Event-ID": "0-0"})
    data = [
        json.loads(line.removeprefix("data: "))
        for line in stream.get_data(as_text=True).splitlines()
        if line.startswith("data: ")
    ]

    assert [each["actor"]["address"] for each in data] == ["127.0.0.1", "10.0.0.7"]
