"""Problems of the store, limits of queues and warnings about them."""

import gc
from datetime import timedelta
from weakref import ref

import pytest
from flask.testing import FlaskClient

from application.errors import StoreUnavailable
from domain.task import Task
from entrypoints.api.schemas.task_responses import BatchResponse, SubmittedResponse
from entrypoints.container import Container
from tests.building import a_task
from tests.contracts.heartbeats import a_process
from tests.fakes.clock import FakeClock
from tests.fakes.heartbeats import FakeHeartbeats
from tests.fakes.task_store import FakeTaskStore
from tests.unit.entrypoints.calls import AN_ID, submit


def test_a_page_of_whole_tasks_is_visibly_cut_when_the_store_goes_away(
    client: FlaskClient, store: FakeTaskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add([a_task(type="report", duration=None, payload={"text": "x" * 5_000})])

    def away(task_id: str) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(store, "get", away)
    parts: list[bytes] = []
    with pytest.raises(StoreUnavailable):
        parts.extend(client.get("/tasks?full=true").iter_encoded())
    cut = b"".join(parts)
    assert cut.startswith(b'{"pagination"')
    assert not cut.endswith(b"}")


def test_no_whole_task_is_held_while_its_text_is_sent(
    client: FlaskClient, store: FakeTaskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload = {"lists": [[] for _ in range(3_000)]}
    store.add([a_task(type="report", duration=None, payload=payload) for _ in range(3)])
    get, whole = store.get, []

    def remembered(task_id: str) -> Task | None:
        task = get(task_id)
        whole.append(ref(task))
        return task

    monkeypatch.setattr(store, "get", remembered)

    for number, part in enumerate(client.get("/tasks?full=true").iter_encoded()):
        gc.collect()
        assert not any(each() for each in whole), number
        assert number not in {1, 2, 3} or len(part) > 9_000


def test_a_full_store_refuses_new_tasks_alone(client: FlaskClient, store: FakeTaskStore) -> None:
    url = submit(client).location
    store.full = True

    response = submit(client)

    assert (response.status_code, response.json["code"]) == (503, "capacity")
    assert client.patch(url, json={"task_name": "new"}).status_code == 200


def test_an_unavailable_store_is_a_503(client: FlaskClient, store: FakeTaskStore) -> None:
    store.away = True

    response = submit(client)

    assert (response.status_code, response.json["code"]) == (503, "store_unavailable")
    assert response.headers["Retry-After"] == "1"
    assert client.get("/readyz").status_code == 503
    assert client.get("/livez").status_code == 200


def test_an_unexpected_error_is_a_500_without_a_traceback(
    client: FlaskClient,
    store: FakeTaskStore,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(store, "get", lambda task_id: 1 / 0)

    response = client.get(f"/tasks/{AN_ID}")

    assert (response.status_code, response.json["code"]) == (500, "internal_error")
    assert "ZeroDivisionError" not in response.text
    assert "ZeroDivisionError" in caplog.text


def test_one_queue_too_many_is_refused_with_its_place_and_the_setting(
    client: FlaskClient, store: FakeTaskStore
) -> None:
    store.max_queues = 2
    url = submit(client, queue="a").location
    body = {"task_name": "test", "duration": 1}

    batch = client.post(
        "/tasks/batch", json={"tasks": [body | {"queue": queue} for queue in ("a", "b", "c")]}
    )
    assert submit(client, queue="b").status_code == 202
    responses = [
        submit(client, queue="c"),
        client.patch(url, json={"queue": "c"}),
        client.put(url, json=body | {"queue": "c"}),
    ]

    assert [(response.status_code, response.json["code"]) for response in (batch, *responses)] == [
        (422, "invalid_request")
    ] * 4
    assert [error["pointer"] for error in batch.json["errors"]] == [
        "/tasks/1/queue",
        "/tasks/2/queue",
    ]
    assert [response.json["errors"][0]["pointer"] for response in responses] == ["/queue"] * 3
    assert "TASKS_MAX_QUEUES" in responses[0].json["errors"][0]["message"]


def test_a_queue_that_no_worker_serves_is_accepted_with_a_warning(
    client: FlaskClient, container: Container, clock: FakeClock, heartbeats: FakeHeartbeats
) -> None:
    container.warn_about_queues()  # as at the start of the process
    clock.advance(timedelta(seconds=30))
    heartbeats.beat(a_process(queues=("default",)))

    served, lonely = submit(client), submit(client, queue="emial")
    bodies = [
        {"task_name": "test", "duration": 3, "queue": queue}
        for queue in ("default", "emial", "b", "emial")
    ]
    batch = client.post("/tasks/batch", json={"tasks": bodies})

    assert "warnings" not in served.json
    assert lonely.status_code == batch.status_code == 202
    [warning] = lonely.json["warnings"]
    assert (warning["code"], warning["queue"]) == ("queue_unserved", "emial")
    assert warning["message"] == (
        "No worker serves the queue 'emial': the task waits until one does. Start a worker with "
        "TASKS_QUEUES=emial, or move the task to another queue with PATCH."
    )
    assert [each["queue"] for each in batch.json["warnings"]] == ["emial", "b"]
    assert all("warnings" not in task for task in batch.json["tasks"])
    assert SubmittedResponse().validate(lonely.json) == BatchResponse().validate(batch.json) == {}


def test_a_queue_is_removed_from_the_list(client: FlaskClient, heartbeats: FakeHeartbeats) -> None:
    location = submit(client, queue="mine").location

    has_tasks = client.delete("/queues/mine")
    client.delete(location)
    heartbeats.beat(a_process(queues=("mine",)))
    is_served = client.delete("/queues/mine")
    heartbeats.end(a_process(queues=("mine",)))
    removed, unknown = client.delete("/queues/mine"), client.delete("/queues/mine")

    assert (has_tasks.status_code, has_tasks.json["code"]) == (409, "queue_in_use")
    assert "has tasks" in has_tasks.json["detail"]
    assert (is_served.status_code, is_served.json["code"]) == (409, "queue_in_use")
    assert "A living worker serves" in is_served.json["detail"]
    assert (removed.status_code, removed.data) == (204, b"")
    assert (unknown.status_code, unknown.json["code"]) == (404, "queue_not_found")
    assert client.get("/queues").json == {"queues": []}
