"""The defaults of a type, which its handler decides, as callers see them."""

from typing import Any

import pytest
from flask.testing import FlaskClient

SLEEP = {"task_name": "nap", "duration": 3}
CALL = {"task_name": "call", "type": "http", "payload": {"url": "https://example.com/"}}


@pytest.mark.parametrize(
    ("body", "timeout", "max_attempts"),
    [
        (SLEEP, 63, 1),
        (CALL, 3_600, 5),
        ({**SLEEP, "timeout": 9}, 9, 1),
        ({**CALL, "timeout": 9, "retry": {"jitter": 0}}, 9, 5),
        ({**CALL, "retry": {"max_attempts": 1}}, 3_600, 1),
    ],
)
def test_the_type_decides_what_a_submit_leaves_out(
    client: FlaskClient, body: dict[str, Any], timeout: int, max_attempts: int
) -> None:
    submitted = client.post("/tasks", json=body).json
    read = client.get(f"/tasks/{submitted['task_id']}").json
    [in_batch] = client.post("/tasks/batch", json={"tasks": [body]}).json["tasks"]

    for task in (submitted, read, in_batch):
        assert (task["timeout"], task["max_attempts"]) == (timeout, max_attempts)


def test_a_patch_gives_the_defaults_of_the_type_again(client: FlaskClient) -> None:
    given = {"timeout": 9, "retry": {"max_attempts": 2}}
    nap = client.post("/tasks", json={**SLEEP, **given}).json["task_id"]
    call = client.post("/tasks", json={**CALL, **given}).json["task_id"]
    removal = {"timeout": None, "retry": None}

    slept = client.patch(f"/tasks/{nap}", json={**removal, "duration": 10}).json
    called = client.patch(f"/tasks/{call}", json=removal).json

    assert (slept["timeout"], slept["max_attempts"]) == (70, 1)
    assert (called["timeout"], called["max_attempts"]) == (3_600, 5)


def test_a_replacement_by_the_same_task_changes_nothing(client: FlaskClient) -> None:
    task = client.post("/tasks", json=SLEEP).json

    replaced = client.put(f"/tasks/{task['task_id']}", json=SLEEP).json

    assert (replaced["version"], replaced["timeout"]) == (1, 63)
