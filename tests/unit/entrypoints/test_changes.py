"""Changes of tasks: PATCH and PUT, and If-Match."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from application.ports.task_repository import Change
from domain.status import Status
from tests.building import a_task
from tests.fakes.task_store import FakeTaskStore
from tests.unit.entrypoints.calls import submit


@pytest.mark.parametrize(
    ("patch", "status"),
    [
        ({}, 200),
        ({"task_name": None}, 422),
        ({"duration": None}, 422),
        ({"priority": None}, 200),
        ({"labels": None}, 200),
        ({"labels": {"a": None}}, 200),
        ({"labels": {"a": 3}}, 422),
        ({"retry": None, "queue": None, "timeout": None, "run_at": None, "expires_at": None}, 200),
        ({"retry": {"factor": None}}, 200),
        ({"retry": {"factor": 11}}, 422),
        ({"run_at": "2026-01-01T00:00:00Z", "expires_at": "2025-01-01T00:00:00Z"}, 422),
        ({"status": "COMPLETED"}, 422),
        ({"color": None}, 422),
        ([], 422),
    ],
)
def test_a_patch_is_checked_like_a_submit(client: FlaskClient, patch: Any, status: int) -> None:
    url = submit(client).location

    assert client.patch(url, json=patch).status_code == status


def test_a_patch_cannot_add_up_to_too_many_labels(client: FlaskClient) -> None:
    url = submit(client, labels={f"a{number}": "x" for number in range(16)}).location

    response = client.patch(url, json={"labels": {"one.more": "x"}})

    assert response.status_code == 422
    assert response.json["code"] == "invalid_request"
    assert client.patch(url, json={"labels": {"one.more": "x", "a0": None}}).status_code == 200


@pytest.mark.parametrize(
    ("if_match", "status"),
    [
        ('"1"', 200),
        ('"1-1"', 200),
        ('"1-99"', 200),
        ('"7", "1"', 200),
        ("*", 200),
        ('"2"', 412),
        ('"nonsense"', 412),
        ('""', 412),
        ('W/"1"', 412),
        ("", 400),
        ("1", 400),
        ('"1', 400),
    ],
)
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_change_is_refused_when_if_match_names_another_version(
    client: FlaskClient, method: str, if_match: str, status: int
) -> None:
    url = submit(client).location
    assert client.get(url).headers["ETag"] == '"1-1"'

    response = client.open(
        url, method=method, json={"task_name": "new", "duration": 3}, headers={"If-Match": if_match}
    )

    assert response.status_code == status
    assert client.get(url).json["task_name"] == ("new" if status == 200 else "test")
    assert status != 200 or response.headers["ETag"] == '"2-1"'


def test_a_patch_that_changes_nothing_keeps_the_version(client: FlaskClient) -> None:
    url = submit(client, priority=7).location

    assert client.patch(url, json={"priority": 7}).json["version"] == 1


@pytest.mark.parametrize("status", [status for status in Status if not status.is_waiting])
def test_a_task_that_does_not_wait_keeps_its_work(
    client: FlaskClient, store: FakeTaskStore, status: Status
) -> None:
    task = store.save(Change(before=None, after=a_task(status)))
    url = f"/tasks/{task.task_id}"

    assert client.patch(url, json={"duration": 9}).json["code"] == "task_not_waiting"
    assert (
        client.patch(url, json={"duration": task.spec.duration}).json["code"] == "task_not_waiting"
    )
    assert (
        client.put(url, json={"task_name": "n", "duration": 9}).json["code"] == "task_not_waiting"
    )
    assert client.patch(url, json={"task_name": "new", "labels": {"a": "b"}}).status_code == 200
    assert client.get(url).json["duration"] == task.spec.duration
