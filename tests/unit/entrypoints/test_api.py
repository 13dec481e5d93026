"""Paths, methods, parameters and headers, through the Flask application with a store in memory."""

import logging
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from application.ports.task_repository import Change
from domain.status import Status
from domain.task_state import Progress
from entrypoints.api.reading.headers import entity_tag
from tests.building import a_task
from tests.fakes.task_store import FakeTaskStore
from tests.unit.entrypoints.calls import AN_ID, stored, submit


@pytest.mark.parametrize("name", ["page", "page_size"])
@pytest.mark.parametrize(
    "value",
    ["0", "-1", "1.5", "1e3", "abc", "", " 1", "1_0", "٣", "9" * 30, "100000000000000000000"],
)
def test_a_wrong_page_is_named(client: FlaskClient, name: str, value: str) -> None:
    response = client.get("/tasks", query_string={name: value})

    assert response.status_code == 422
    assert [error["parameter"] for error in response.json["errors"]] == [name]


def test_a_page_size_over_100_is_refused(client: FlaskClient) -> None:
    assert client.get("/tasks?page_size=100").status_code == 200
    assert client.get("/tasks?page_size=101").status_code == 422


def test_a_misspelt_parameter_is_named(client: FlaskClient) -> None:
    response = client.get("/tasks?pagesize=5")

    assert response.json["errors"][0]["parameter"] == "pagesize"


@pytest.mark.parametrize(
    "task_id",
    [
        "nonsense",
        "018F0000-0000-7000-8000-000000000000",
        "018f0000-0000-4000-8000-000000000000",
        "0",
        "%00",
        "..",
        AN_ID,
    ],
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_id_without_a_task_is_not_found(client: FlaskClient, method: str, task_id: str) -> None:
    response = client.open(f"/tasks/{task_id}", method=method)

    assert response.status_code == 404
    assert response.mimetype == "application/problem+json"


def test_a_failed_task_says_why(client: FlaskClient, store: FakeTaskStore) -> None:
    task = store.save(Change(before=None, after=a_task(Status.FAILED)))

    response = client.get(f"/tasks/{task.task_id}")

    assert response.json["error"] == {"code": "handler_error", "message": "ValueError: no"}
    assert "result" not in response.json
    assert None not in response.json.values()


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/tasks", {"GET", "POST"}),
        ("POST", f"/tasks/{AN_ID}", {"GET", "PUT"}),
        ("PUT", "/livez", {"GET"}),
    ],
)
def test_another_method_is_refused_with_those_allowed(
    client: FlaskClient, method: str, path: str, allowed: set[str]
) -> None:
    response = client.open(path, method=method)

    assert (response.status_code, response.json["code"]) == (405, "method_not_allowed")
    assert allowed <= set(response.headers["Allow"].split(", "))


@pytest.mark.parametrize("path", ["/tasks//x", "/tasks//", "/docs//swagger-ui.css"])
def test_doubled_slashes_are_no_redirect_that_repeats_the_host(
    client: FlaskClient, path: str
) -> None:
    response = client.get(path)

    assert (response.status_code, response.json["code"]) == (404, "route_not_found")
    assert "Location" not in response.headers


def test_an_unknown_route_is_a_problem_like_any_other(client: FlaskClient) -> None:
    response = client.get("/nothing", headers={"X-Request-ID": "mine-1"})

    assert response.json == {
        "type": "/problems/route_not_found",
        "title": "There is nothing at this path",
        "status": 404,
        "detail": response.json["detail"],
        "instance": "/nothing",
        "code": "route_not_found",
        "request_id": "mine-1",
    }


def test_head_options_and_a_trailing_slash_work(client: FlaskClient) -> None:
    url = submit(client).location

    assert client.head(url).status_code == 200
    assert {"GET", "PATCH", "PUT", "DELETE"} <= set(
        client.options(url).headers["Allow"].split(", ")
    )
    assert client.get(f"{url}/").status_code == 200
    assert client.get("/tasks/").status_code == 200


@pytest.mark.parametrize("given", ["a" * 129, "with space", "", "новый", "a/b"])
def test_a_request_id_of_another_form_is_replaced(client: FlaskClient, given: str) -> None:
    response = client.get(
        "/livez", headers={"X-Request-ID": given.encode("utf-8").decode("latin-1")}
    )

    assert response.headers["X-Request-ID"] not in {given, ""}


def test_responses_about_tasks_are_not_cached_or_sniffed(client: FlaskClient) -> None:
    response = submit(client)

    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_cancelling_a_running_task_requests_its_stop(
    client: FlaskClient, store: FakeTaskStore
) -> None:
    task = store.save(Change(before=None, after=a_task(Status.PROCESSING)))

    responses = [client.post(f"/tasks/{task.task_id}/cancel") for _ in range(2)]

    assert [
        (response.status_code, response.json["cancel_requested"]) for response in responses
    ] == [(202, True)] * 2


def test_a_time_with_an_offset_is_returned_in_utc(client: FlaskClient) -> None:
    response = submit(client, run_at="2999-01-01T02:00:00.1234+02:00")

    assert (response.json["status"], response.json["run_at"]) == (
        "SCHEDULED",
        "2999-01-01T00:00:00.123Z",
    )


def test_the_access_lines_of_a_task_carry_its_id(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "access")

    task_id = submit(client).get_json()["task_id"]
    client.get(f"/tasks/{task_id}")
    client.get("/tasks")

    assert [getattr(line, "task_id", None) for line in caplog.records if line.name == "access"] == [
        task_id,
        task_id,
        None,
    ]


@pytest.mark.parametrize("key", [" ", '" "', '"   "'])
def test_a_blank_idempotency_key_is_refused(
    client: FlaskClient, store: FakeTaskStore, key: str
) -> None:
    response = client.post(
        "/tasks", json={"task_name": "test", "duration": 3}, headers={"Idempotency-Key": key}
    )

    assert (response.status_code, response.json["code"]) == (400, "malformed_request")
    assert stored(store) == 0


def test_a_preferred_wait_of_more_than_a_minute_counts_as_a_minute(client: FlaskClient) -> None:
    url = submit(client).location
    client.post(f"{url}/cancel")

    response = client.get(url, headers={"Prefer": "wait=61"})

    assert response.headers["Preference-Applied"] == "wait=60"


def test_the_etag_changes_with_the_progress() -> None:
    task = a_task(Status.PROCESSING)
    half, whole = (replace(task, progress=Progress(fraction=part, message="")) for part in (0.5, 1))

    assert len({entity_tag(each) for each in (task, half, whole)}) == 3
