"""Invalid and valid requests, through the Flask application with a store in memory."""

import json
import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from application.errors import StoreUnavailable
from application.ports.task_repository import Change, PageRequest
from application.task_filter import EVERY_TASK
from domain.status import Status
from entrypoints.api.schemas.task_responses import BatchResponse, SubmittedResponse
from entrypoints.container import Container
from tests.building import a_task
from tests.contracts.heartbeats import a_process
from tests.fakes.clock import FakeClock
from tests.fakes.heartbeats import FakeHeartbeats
from tests.fakes.task_store import FakeTaskStore

AN_ID = "018f0000-0000-7000-8000-000000000000"


def allow_bodies(client: FlaskClient, size: int) -> None:
    container = client.application.extensions["container"]
    container.settings.override(replace(container.settings(), max_body_bytes=size))


def submit(client: FlaskClient, **members: Any) -> Any:
    return client.post("/tasks", json={"task_name": "test", "duration": 3, **members})


def stored(store: FakeTaskStore) -> int:
    return store.find(EVERY_TASK, PageRequest()).total or 0


BAD_NAMES = [
    "",
    " ",
    " \u3000\u00a0",
    "x" * 201,
    "a\nb",
    "a\x00b",
    "\x7f",
    "\x85",
    "\ud800",
    3,
    None,
    True,
    ["a"],
    {"a": "b"},
]
BAD_DURATIONS = [0, -1, 86_401, 10**30, 3.0, 3.5, 1e300, "3", "", True, False, None, [3], {}]
BAD_PRIORITIES = [-1, 10, 5.0, "5", True, None]
BAD_TIMES = [
    "",
    "tomorrow",
    "2026-01-01",
    "2026-01-01T00:00:00",
    "2026-13-01T00:00:00Z",
    1767225600,
    True,
    None,
]
BAD_RETRIES = [
    3,
    [],
    None,
    {"max_attempts": 0},
    {"max_attempts": 1.5},
    {"initial_delay": -1},
    {"factor": "2"},
    {"jitter": 2},
    {"jitter": True},
    {"tries": 3},
]
BAD_LABELS: list[Any] = [
    [],
    "a",
    None,
    {"": "x"},
    {"UPPER": "x"},
    {"a" * 64: "x"},
    {"a b": "x"},
    {"a\n": "x"},
    {"a": "x" * 256},
    {"a": 1},
    {"a": None},
    {"a": "x\ny"},
    {"a": "  "},
    {str(number): "x" for number in range(17)},
]


@pytest.mark.parametrize(
    ("member", "value"),
    [("task_name", value) for value in BAD_NAMES]
    + [("duration", value) for value in BAD_DURATIONS]
    + [("priority", value) for value in BAD_PRIORITIES]
    + [("labels", value) for value in BAD_LABELS]
    + [("queue", value) for value in ["", " ", "A", "-a", "a b", "a\n", "a" * 64, 3, None]]
    + [("timeout", value) for value in [0, 86_401, 1.5, "3", True, None]]
    + [(name, value) for name in ("run_at", "expires_at") for value in BAD_TIMES]
    + [("retry", value) for value in BAD_RETRIES]
    + [
        ("color", "red"),
        ("status", "COMPLETED"),
        ("task_id", AN_ID),
        ("callback_url", "http://example.com/"),
        ("callback_url", ""),
        ("payload", {"a": 1}),
        ("type", "dance"),
        ("type", ""),
        ("type", " "),
        ("type", 3),
        ("", 1),
        ("a/b~c", 1),
    ],
)
def test_a_wrong_member_is_named_and_nothing_is_stored(
    client: FlaskClient, store: FakeTaskStore, member: str, value: Any
) -> None:
    response = submit(client, **{member: value})

    assert response.status_code == 422
    assert response.json["code"] == "invalid_request"
    pointers = [error["pointer"] for error in response.json["errors"]]
    escaped = member.replace("~", "~0").replace("/", "~1")
    assert pointers
    assert all(pointer.startswith(f"/{escaped}") for pointer in pointers)
    assert all(error["message"] for error in response.json["errors"])
    assert stored(store) == 0


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("task_name", "x"),
        ("task_name", "x" * 200),
        ("task_name", "Größe ✓ 你好 👩‍👩‍👧 \u202e\u200b"),
        ("task_name", "<script>alert(1)</script>"),
        ("duration", 1),
        ("duration", 86_400),
        ("priority", 0),
        ("priority", 9),
        ("queue", "a" * 63),
        ("timeout", 86_400),
        ("run_at", "2999-12-31T23:59:59.999Z"),
        ("expires_at", "2999-12-31T23:59:59.000Z"),
        ("labels", {}),
        ("labels", {"a" * 63: "", "team.x-y_z": "é" * 255}),
        ("labels", {str(number): "x" for number in range(16)}),
    ],
)
def test_a_member_at_the_edge_of_what_is_allowed_is_kept_as_it_is(client: FlaskClient, member: str, value: Any) -> None:
    response = submit(client, **{member: value})

    assert response.status_code == 202
    assert client.get(response.location).json[member] == value


@pytest.mark.parametrize("missing", ["task_name", "duration"])
def test_a_missing_member_is_named(client: FlaskClient, missing: str) -> None:
    body = {"task_name": "test", "duration": 3}
    del body[missing]

    response = client.post("/tasks", json=body)

    assert response.status_code == 422
    assert [error["pointer"] for error in response.json["errors"]] == [f"/{missing}"]


def test_every_problem_is_listed_at_once(client: FlaskClient) -> None:
    response = client.post("/tasks", json={"duration": 0, "priority": 10, "labels": {"A": 1}, "x": 1, "y": 2})

    pointers = {error["pointer"] for error in response.json["errors"]}
    assert pointers == {"/task_name", "/duration", "/priority", "/labels/A", "/x", "/y"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"task_name": "a", "duration": NaN}',
        b'{"task_name": "a", "duration": Infinity}',
        b'{"task_name": "a", "duration": -Infinity}',
        b'{"task_name": "a", "task_name": "b", "duration": 3}',
        b'{"task_name": "a", "duration": 3, "labels": {"a": "1", "a": "2"}}',
        b'{"task_name": "\xff", "duration": 3}',
        '{"task_name": "a", "duration": 3}'.encode("utf-16"),
        b"[" * 33 + b"]" * 33,
        b'{"a":' * 800,
        b"[" * 2000 + b"]" * 2000,
        b'{"task_name": "a", "duration": 3}'[:-1],
        b'{"task_name": "a", "duration": 3}'[:15],
        b'{"task_name": "a", "duration": ' + b"9" * 310 + b"}",
        b'{"task_name": "a", "duration": 3} trailing',
    ],
)
def test_what_is_not_json_is_refused(client: FlaskClient, store: FakeTaskStore, body: bytes) -> None:
    response = client.post("/tasks", data=body, content_type="application/json")

    assert (response.status_code, response.json["code"]) == (400, "malformed_request")
    assert response.mimetype == "application/problem+json"
    assert stored(store) == 0


def test_a_body_of_unknown_members_lists_the_first_100(
    client: FlaskClient,
) -> None:
    allow_bodies(client, 10**6)

    response = client.post("/tasks", json={f"m{number}": 1 for number in range(20_000)})

    assert response.status_code == 422
    assert len(response.json["errors"]) == 100
    assert {error["message"] for error in response.json["errors"]} == {"Unknown field."}
    assert response.json["errors_omitted"] == 19_900
    assert "19,900 more" in response.json["detail"]


def test_a_duplicate_member_is_found_among_very_many(client: FlaskClient) -> None:
    allow_bodies(client, 10**7)
    members = ",".join(f'"{number}":1' for number in [*range(50_000), 0])

    response = client.post("/tasks", data=f"{{{members}}}", content_type="application/json")

    assert (response.status_code, "occurs more than once" in response.json["detail"]) == (400, True)


@pytest.mark.parametrize("body", ["[]", "3", '"text"', "null", "true", "[[[]]]"])
def test_json_that_is_not_an_object_is_refused(client: FlaskClient, body: str) -> None:
    response = client.post("/tasks", data=body, content_type="application/json")

    assert response.status_code == 422
    assert response.json["errors"][0]["pointer"] == ""


@pytest.mark.parametrize(
    "content_type",
    [None, "text/plain", "application/x-www-form-urlencoded", "application/merge-patch+json"],
)
def test_another_media_type_is_refused(client: FlaskClient, content_type: str | None) -> None:
    response = client.post("/tasks", data='{"task_name": "test", "duration": 3}', content_type=content_type)

    assert (response.status_code, response.json["code"]) == (415, "unsupported_media_type")


def test_a_charset_beside_the_media_type_is_accepted(client: FlaskClient) -> None:
    response = client.post(
        "/tasks",
        data='{"task_name": "ü", "duration": 3}'.encode(),
        content_type="application/json; charset=utf-8",
    )

    assert response.json["task_name"] == "ü"


@pytest.mark.parametrize(("size", "status"), [(4096, 202), (4097, 413), (100_000, 413)])
def test_a_body_over_the_limit_is_refused(client: FlaskClient, size: int, status: int) -> None:
    body = json.dumps({"task_name": "test", "duration": 3})

    response = client.post("/tasks", data=body.ljust(size), content_type="application/json")

    assert response.status_code == status
    assert status == 202 or "at most 4096 bytes" in response.json["detail"]


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

    response = client.open(url, method=method, json={"task_name": "new", "duration": 3}, headers={"If-Match": if_match})

    assert response.status_code == status
    assert client.get(url).json["task_name"] == ("new" if status == 200 else "test")
    assert status != 200 or response.headers["ETag"] == '"2-1"'


def test_a_patch_that_changes_nothing_keeps_the_version(client: FlaskClient) -> None:
    url = submit(client, priority=7).location

    assert client.patch(url, json={"priority": 7}).json["version"] == 1


@pytest.mark.parametrize("status", [status for status in Status if not status.is_waiting])
def test_a_task_that_does_not_wait_keeps_its_work(client: FlaskClient, store: FakeTaskStore, status: Status) -> None:
    task = store.save(Change(before=None, after=a_task(status)))
    url = f"/tasks/{task.task_id}"

    assert client.patch(url, json={"duration": 9}).json["code"] == "task_not_waiting"
    assert client.patch(url, json={"duration": task.spec.duration}).json["code"] == "task_not_waiting"
    assert client.put(url, json={"task_name": "n", "duration": 9}).json["code"] == "task_not_waiting"
    assert client.patch(url, json={"task_name": "new", "labels": {"a": "b"}}).status_code == 200
    assert client.get(url).json["duration"] == task.spec.duration


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
def test_doubled_slashes_are_no_redirect_that_repeats_the_host(client: FlaskClient, path: str) -> None:
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
    assert {"GET", "PATCH", "PUT", "DELETE"} <= set(client.options(url).headers["Allow"].split(", "))
    assert client.get(f"{url}/").status_code == 200
    assert client.get("/tasks/").status_code == 200


@pytest.mark.parametrize("given", ["a" * 129, "with space", "", "новый", "a/b"])
def test_a_request_id_of_another_form_is_replaced(client: FlaskClient, given: str) -> None:
    response = client.get("/livez", headers={"X-Request-ID": given.encode("utf-8").decode("latin-1")})

    assert response.headers["X-Request-ID"] not in {given, ""}


def test_responses_about_tasks_are_not_cached_or_sniffed(client: FlaskClient) -> None:
    response = submit(client)

    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_cancelling_a_running_task_requests_its_stop(client: FlaskClient, store: FakeTaskStore) -> None:
    task = store.save(Change(before=None, after=a_task(Status.PROCESSING)))

    responses = [client.post(f"/tasks/{task.task_id}/cancel") for _ in range(2)]

    assert [(response.status_code, response.json["cancel_requested"]) for response in responses] == [(202, True)] * 2


def test_a_time_with_an_offset_is_returned_in_utc(client: FlaskClient) -> None:
    response = submit(client, run_at="2999-01-01T02:00:00.1234+02:00")

    assert (response.json["status"], response.json["run_at"]) == (
        "SCHEDULED",
        "2999-01-01T00:00:00.123Z",
    )


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

    batch = client.post("/tasks/batch", json={"tasks": [body | {"queue": queue} for queue in ("a", "b", "c")]})
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


def test_the_access_lines_of_a_task_carry_its_id(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "access")

    task_id = submit(client).get_json()["task_id"]
    client.get(f"/tasks/{task_id}")
    client.get("/tasks")

    assert [getattr(line, "task_id", None) for line in caplog.records if line.name == "access"] == [
        task_id,
        task_id,
        None,
    ]


def test_a_queue_that_no_worker_serves_is_accepted_with_a_warning(
    client: FlaskClient, container: Container, clock: FakeClock, heartbeats: FakeHeartbeats
) -> None:
    container.warn_about_queues()  # as at the start of the process
    clock.advance(timedelta(seconds=30))
    heartbeats.beat(a_process(queues=("default",)))

    served, lonely = submit(client), submit(client, queue="emial")
    bodies = [{"task_name": "test", "duration": 3, "queue": queue} for queue in ("default", "emial", "b", "emial")]
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


@pytest.mark.parametrize("key", [" ", '" "', '"   "'])
def test_a_blank_idempotency_key_is_refused(client: FlaskClient, store: FakeTaskStore, key: str) -> None:
    response = client.post("/tasks", json={"task_name": "test", "duration": 3}, headers={"Idempotency-Key": key})

    assert (response.status_code, response.json["code"]) == (400, "malformed_request")
    assert stored(store) == 0
