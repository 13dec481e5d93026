"""/schedules: declare, read, change, run and delete schedules, and who may."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from application.task_filter import TaskFilter
from application.use_cases.tasks.following import Notice
from domain.access import Role
from entrypoints.api.resources.events import render
from entrypoints.container import Container
from entrypoints.maintenance.process import Maintenance
from tests.building import a_spec
from tests.contracts.schedules import a_schedule
from tests.fakes.clock import FakeClock
from tests.fakes.task_store import FakeTaskStore
from tests.unit.entrypoints.calls import stored
from tests.unit.entrypoints.keyed import ask, token_for

A_TASK = {"task_name": "report", "duration": 3}
HOURLY = {"cron": "0 * * * *", "task": A_TASK}
URL = "/schedules/nightly"


def put(client: FlaskClient, name: str = "nightly", **members: Any) -> Any:
    body = {**({} if "every" in members else {"cron": "0 * * * *"}), "task": A_TASK, **members}
    return client.put(f"/schedules/{name}", json=body)


def pointers(response: Any) -> list[str]:
    assert response.status_code == 422, response.json
    return sorted(error["pointer"] for error in response.json["errors"])


def test_a_declared_schedule_says_what_it_will_do(client: FlaskClient) -> None:
    response = put(client, timezone="Asia/Kolkata", jitter=5, task={**A_TASK, "labels": {"a": "b"}})

    assert response.status_code == 201
    assert response.headers["ETag"] == '"1-1"'
    assert response.headers["Cache-Control"] == "no-store"
    body = response.json
    assert body == client.get(URL).json == client.get("/schedules").json["schedules"][0]
    assert body["next_runs"] == [f"2026-01-13T{hour}:30:00.000Z" for hour in range(12, 17)]
    assert (body["overlap"], body["catch_up"], body["paused"]) == ("skip", 1, False)
    assert body["task"]["labels"] == {"a": "b"}
    assert "last_run" not in body
    again = {name: body[name] for name in ("cron", "timezone", "task", "jitter", "overlap")}
    repeated = client.put(URL, json=again)
    assert (repeated.status_code, repeated.json) == (200, body)


def test_maintenance_makes_its_tasks(
    client: FlaskClient, container: Container, clock: FakeClock
) -> None:
    put(client, every=60)
    clock.advance(timedelta(seconds=60))

    Maintenance(container).tick()

    body = client.get(URL).json
    [task] = client.get("/tasks?label=schedule:nightly").json["tasks"]
    assert body["made"] == 1
    assert body["last_run"] == {
        "slot": "2026-01-13T12:01:00.000Z",
        "task_id": task["task_id"],
        "status": "QUEUED",
    }
    assert task["schedule"] == {"name": "nightly", "slot": "2026-01-13T12:01:00.000Z"}
    assert client.get(f"/tasks/{task['task_id']}").json["schedule"] == task["schedule"]
    clock.advance(timedelta(seconds=60))
    Maintenance(container).tick()
    skipped = client.get(URL).json
    assert (skipped["skipped"], skipped["last_skip"]["reason"]) == (1, "overlap")
    client.delete(f"/tasks/{task['task_id']}")
    assert "status" not in client.get(URL).json["last_run"]


@pytest.mark.parametrize(
    ("queue", "is_told"), [(None, True), ("default", True), ("other", False)], ids=str
)
def test_followers_are_told_of_skipped_slots(
    client: FlaskClient, container: Container, clock: FakeClock, queue: str | None, *, is_told: bool
) -> None:
    put(client, every=60)
    clock.advance(timedelta(seconds=60))
    container.start_due_slots().execute()
    following = container.follow_tasks().follow_all(TaskFilter(queue=queue), None)
    assert is_told is (next(following) is not Notice.QUIET)  # the snapshot of the first task
    clock.advance(timedelta(seconds=60))
    container.start_due_slots().execute()

    text = render(next(following)).decode()

    if is_told:
        name, data = re.findall(r"^(?:event|data): (.*)$", text, re.MULTILINE)
        assert name == "schedule.skipped"
        assert json.loads(data) == {
            "name": "nightly",
            "reason": "overlap",
            "slot": "2026-01-13T12:02:00.000Z",
            "slots": 1,
        }
    else:
        assert text == ": quiet\n\n"


@pytest.mark.parametrize(
    ("members", "wrong"),
    [
        ({"cron": "60 * * * *"}, ["/cron"]),
        ({"timezone": "Nowhere/City"}, ["/timezone"]),
        ({"cron": "x", "timezone": "y", "task": {"task_name": "", "duration": 0, "priority": 10}},
         ["/cron", "/task/duration", "/task/priority", "/task/task_name", "/timezone"]),
        ({"every": 60, "cron": "* * * * *"}, ["/cron"]),
        ({"every": 0}, ["/every"]),
        ({"every": 60, "timezone": "Europe/Berlin"}, ["/timezone"]),
        ({"task": {**A_TASK, "run_at": "2999-01-01T00:00:00Z"}, "catch_up": 101},
         ["/catch_up", "/task/run_at"]),
        ({"task": {"task_name": "x", "type": "dance"}, "overlap": "perhaps"},
         ["/overlap", "/task/type"]),
        ({"task": {**A_TASK, "labels": {"schedule": "x"}}}, ["/task/labels/schedule"]),
        ({"task": {"task_name": "x", "type": "http", "payload": {"url": 3}}},
         ["/task/payload/url"]),
        ({"starts_at": "2999-01-01T00:00:00Z", "ends_at": "2998-01-01T00:00:00Z"}, ["/ends_at"]),
        ({"color": "red", "cron": "@reboot"}, ["/color", "/cron"]),
        ({"paused": 1}, ["/paused"]),
    ],
)  # fmt: skip
def test_everything_that_is_wrong_is_listed(
    client: FlaskClient, members: dict[str, Any], wrong: list[str]
) -> None:
    assert pointers(put(client, **members)) == wrong
    assert client.get(URL).status_code == 404


def test_what_is_missing_is_named(client: FlaskClient) -> None:
    assert pointers(client.put(URL, json={})) == ["/cron", "/task"]
    assert put(client, "preview").status_code == 405
    assert pointers(put(client, "Nightly")) == ["/name"]


def test_a_schedule_whose_type_is_gone_can_be_paused(
    client: FlaskClient, container: Container
) -> None:
    container.schedules().add(a_schedule(task=a_spec(type="gone")))

    assert client.post(f"{URL}/pause").json["paused"] is True
    assert client.post(f"{URL}/resume").json["paused"] is False
    assert pointers(client.patch(URL, json={"every": 120})) == ["/task/type"]


def test_a_version_that_is_not_the_stored_one_is_refused(client: FlaskClient) -> None:
    assert client.put(URL, json=HOURLY, headers={"If-Match": '"1"'}).status_code == 412
    assert client.put(URL, json=HOURLY, headers={"If-None-Match": "*"}).status_code == 201
    taken = client.put(URL, json=HOURLY, headers={"If-None-Match": "*"})
    assert (taken.status_code, taken.json["code"]) == (412, "version_mismatch")
    odd = client.put(URL, json=HOURLY, headers={"If-None-Match": '"1"'})
    assert odd.status_code == 400

    changed = client.patch(URL, json={"jitter": 1}, headers={"If-Match": '"1-1"'})

    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2-2"')
    stale = client.patch(URL, json={"jitter": 2}, headers={"If-Match": '"1-1"'})
    assert (stale.status_code, "version 2" in stale.json["detail"]) == (412, True)


def test_slots_do_not_make_the_version_of_a_caller_stale(
    client: FlaskClient, container: Container, clock: FakeClock
) -> None:
    tag = put(client, every=60).headers["ETag"]
    clock.advance(timedelta(seconds=60))
    Maintenance(container).tick()

    assert client.patch(URL, json={"jitter": 1}, headers={"If-Match": tag}).status_code == 200


def test_a_patch_changes_what_it_names(client: FlaskClient) -> None:
    call = {"task_name": "call", "type": "http", "payload": {"url": "https://example.com/"}}
    put(client, task=call, jitter=9)

    response = client.patch(
        URL,
        json={"cron": None, "every": 60, "jitter": None, "task": {"payload": {"method": "GET"}}},
    )

    assert response.status_code == 200
    body = response.json
    assert (body.get("cron"), body["every"], body["jitter"]) == (None, 60, 0)
    assert body["task"]["payload"] == {"url": "https://example.com/", "method": "GET"}
    assert pointers(client.patch(URL, json={"cron": "x", "every": None})) == ["/cron"]
    assert pointers(client.patch(URL, json={"cron": "@daily"})) == ["/cron"]
    assert pointers(client.patch(URL, json={"task": {"payload": {"url": None}}})) == [
        "/task/payload/url"
    ]
    assert client.patch("/schedules/other", json={}).json["code"] == "schedule_not_found"
    assert client.get(URL).json == body


def test_a_paused_schedule_has_no_next_runs(client: FlaskClient) -> None:
    put(client)

    paused = client.post(f"{URL}/pause").json
    resumed = client.post(f"{URL}/resume").json

    assert (paused["paused"], paused["next_runs"]) == (True, [])
    assert (resumed["paused"], len(resumed["next_runs"])) == (False, 5)
    assert client.post("/schedules/other/pause").status_code == 404


def test_run_now_submits_the_task_once_for_each_key(
    client: FlaskClient, store: FakeTaskStore
) -> None:
    put(client, paused=True)
    header = {"Idempotency-Key": "k"}

    first = client.post(f"{URL}/run", headers=header)
    again = client.post(f"{URL}/run", headers=header)

    assert first.status_code == 202
    assert again.json == first.json
    assert again.headers["Idempotent-Replayed"] == "true"
    assert first.json["schedule"] == {"name": "nightly"}
    assert first.json["labels"] == {"schedule": "nightly"}
    assert client.get(first.headers["Location"]).json["status"] == "QUEUED"
    assert client.get(URL).json["last_run"]["task_id"] == first.json["task_id"]
    put(client, "other")
    reused = client.post("/schedules/other/run", headers=header)
    assert reused.json["code"] == "idempotency_key_reused"
    assert stored(store) == 1
    assert client.post("/schedules/none/run").status_code == 404


def test_a_deleted_schedule_leaves_its_tasks(client: FlaskClient) -> None:
    put(client)
    task = client.post(f"{URL}/run").json

    assert client.delete(URL).status_code == 204
    assert client.delete(URL).status_code == 404
    assert client.get(f"/tasks/{task['task_id']}").status_code == 200


def test_a_list_has_pages(client: FlaskClient) -> None:
    for name in ("b", "a", "c"):
        put(client, name)

    first = client.get("/schedules?page_size=2").json
    rest = client.get(f"/schedules?page_size=2&cursor={first['next_cursor']}").json

    assert [each["name"] for each in first["schedules"]] == ["a", "b"]
    assert [each["name"] for each in rest["schedules"]] == ["c"]
    assert "next_cursor" not in rest
    assert client.get("/schedules?page_size=0").status_code == 422
    assert client.get("/schedules?cursor=A").status_code == 422


def test_a_preview_stores_nothing(client: FlaskClient) -> None:
    response = client.post(
        "/schedules/preview", json={"cron": "30 2 * * *", "timezone": "Europe/Berlin"}
    )

    assert response.status_code == 200
    assert len(response.json["next_runs"]) == 10
    assert response.json["next_runs"][0] == "2026-01-14T01:30:00.000Z"
    every = client.post("/schedules/preview", json={"every": 60, "ends_at": "2026-01-13T12:02:30Z"})
    assert every.json["next_runs"] == ["2026-01-13T12:01:00.000Z", "2026-01-13T12:02:00.000Z"]
    assert client.get("/schedules").json == {"schedules": []}
    wrong = client.post("/schedules/preview", json={"cron": "x", "timezone": "y"})
    assert pointers(wrong) == ["/cron", "/timezone"]
    assert pointers(client.post("/schedules/preview", json={})) == ["/cron"]


@pytest.mark.parametrize(
    "bounds", [{"queues": ["a"]}, {"labels": {"tenant": "acme"}}], ids=["queue", "label"]
)
def test_a_bound_key_has_the_schedules_of_its_tasks_alone(
    guarded: FlaskClient, container: Container, bounds: dict[str, Any]
) -> None:
    admin = token_for(container, Role.ADMIN)
    bound = token_for(container, Role.OPERATOR, **bounds)
    theirs = {**HOURLY, "task": {**A_TASK, "queue": "b", "labels": {"tenant": "other"}}}
    assert ask(guarded, admin, "PUT", "/schedules/theirs", json=theirs).status_code == 201

    own = {**HOURLY, "task": {**A_TASK, "queue": "a"}}
    assert ask(guarded, bound, "PUT", "/schedules/own", json=own).status_code == 201

    listed = ask(guarded, bound, "GET", "/schedules").json
    assert listed is not None
    assert [each["name"] for each in listed["schedules"]] == ["own"]
    for method, path in (
        ("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/run"), ("POST", "/pause"),
    ):  # fmt: skip
        options = {"json": {}} if method == "PATCH" else {}
        hidden = ask(guarded, bound, method, f"/schedules/theirs{path}", **options)
        assert hidden.status_code == 404, (method, path)
    taken = ask(guarded, bound, "PUT", "/schedules/theirs", json=own)
    assert taken.json is not None
    assert (taken.status_code, taken.json["code"]) == (409, "schedule_name_taken")
    refused = ask(guarded, bound, "PUT", "/schedules/new", json=theirs)
    assert refused.status_code == 422
    moved = ask(guarded, bound, "PATCH", "/schedules/own", json={"task": theirs["task"]})
    assert moved.status_code == 422


def test_tasks_of_a_bound_key_have_its_labels(
    guarded: FlaskClient, container: Container, clock: FakeClock
) -> None:
    bound = token_for(container, Role.OPERATOR, labels={"tenant": "acme"})
    ask(guarded, bound, "PUT", URL, json={"every": 60, "task": A_TASK})
    clock.advance(timedelta(seconds=60))
    container.start_due_slots().execute()

    page = ask(guarded, bound, "GET", "/tasks").json

    assert page is not None
    assert [each["labels"] for each in page["tasks"]] == [{"tenant": "acme", "schedule": "nightly"}]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.SUBMITTER])
def test_only_operators_write_schedules(
    guarded: FlaskClient, container: Container, role: Role
) -> None:
    token = token_for(container, role)

    assert ask(guarded, token, "PUT", URL, json=HOURLY).status_code == 403
    assert ask(guarded, token, "POST", f"{URL}/run").status_code == 403
    listed = ask(guarded, token, "GET", "/schedules")
    assert listed.status_code == (200 if role is Role.VIEWER else 403)
