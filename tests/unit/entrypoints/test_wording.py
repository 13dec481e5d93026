"""Problems name paths, headers and settings; the application's errors carry facts only."""

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from entrypoints.container import Container
from tests.contracts.heartbeats import a_process
from tests.fakes.heartbeats import FakeHeartbeats
from tests.fakes.task_store import FakeTaskStore

A_TASK = {"task_name": "test", "duration": 3}
FULL = (
    "There are as many queues as TASKS_MAX_QUEUES allows (1). Use a queue that GET /queues lists, "
    "delete every task of a queue that is no longer needed, or raise the setting."
)


def test_a_task_that_names_one_queue_too_many_is_told_the_setting(
    client: FlaskClient, store: FakeTaskStore
) -> None:
    store.max_queues = 1
    location = client.post("/tasks", json=A_TASK).location

    alone = client.post("/tasks", json={**A_TASK, "queue": "b"})
    patched = client.patch(location, json={"queue": "b"})
    batch = client.post(
        "/tasks/batch",
        json={"tasks": [{**A_TASK, "queue": queue} for queue in ("b", "default", "c")]},
    )

    assert (
        alone.json["errors"] == patched.json["errors"] == [{"pointer": "/queue", "message": FULL}]
    )
    assert batch.json["errors"] == [
        {"pointer": f"/tasks/{place}/queue", "message": FULL} for place in (0, 2)
    ]


def test_a_key_that_was_used_before_with_another_body_is_named(client: FlaskClient) -> None:
    key = {"Idempotency-Key": "mine"}
    client.post("/tasks", json=A_TASK, headers=key)

    response = client.post("/tasks", json={**A_TASK, "duration": 4}, headers=key)

    assert response.json["detail"] == (
        "The Idempotency-Key was used with a different body within the last 24 hours. Use a new "
        "key for a new request."
    )


def test_a_queue_that_cannot_be_removed_says_what_to_do(
    client: FlaskClient, heartbeats: FakeHeartbeats
) -> None:
    client.post("/tasks", json={**A_TASK, "queue": "mine"})
    has_tasks = client.delete("/queues/mine")
    heartbeats.beat(a_process(queues=("mine",)))
    is_served, unknown = client.delete("/queues/mine"), client.delete("/queues/unknown")

    assert has_tasks.json["detail"] == (
        "The queue 'mine' has tasks; final ones count as well. Delete them, or wait until their "
        "retention is over."
    )
    assert is_served.json["detail"] == (
        "A living worker serves the queue 'mine'. Stop it, or take the queue out of its "
        "TASKS_QUEUES."
    )
    assert unknown.json["detail"] == (
        "There is no queue 'unknown'. A queue exists while a task names it, a worker serves it or "
        "it is paused. GET /queues lists all queues."
    )


@pytest.mark.parametrize("env", ["production", "development"])
def test_callbacks_that_cannot_be_signed_are_refused_in_production(
    client: FlaskClient, container: Container, env: str
) -> None:
    container.settings.override(replace(container.settings(), env=env))

    response = client.post("/tasks", json={**A_TASK, "callback_url": "https://example.com/"})

    if env == "development":
        assert response.status_code == 202
        return
    message = (
        "This service cannot sign callbacks. Its operator has to set TASKS_CALLBACK_SECRET "
        "in production."
    )
    assert response.json["errors"] == [{"pointer": "/callback_url", "message": message}]
