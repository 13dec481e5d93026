"""Limits of a payload, which are the same whichever request makes it."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.unit.entrypoints.calls import allow_bodies, allow_large_batches

HTTP = {"task_name": "test", "type": "http"}
URL = "https://example.com/"
TOO_LARGE = "Must have at most 4,096 bytes as compact JSON, not 4,097."
TOO_MANY = "Must have at most 30,000 list elements and object members in all."


def payload_of(size: int) -> dict[str, Any]:
    """Return a payload that has so many bytes as compact JSON."""
    around = len(f'{{"url":"{URL}","json":{{"a":""}}}}')
    return {"url": URL, "json": {"a": "x" * (size - around)}}


def errors(response: Any) -> dict[str, str]:
    assert response.status_code == 422, response.json
    return {each["pointer"]: each["message"] for each in response.json["errors"]}


def test_a_payload_cannot_grow_beyond_a_body_by_patches(client: FlaskClient) -> None:
    url = client.post("/tasks", json={**HTTP, "payload": payload_of(2_000)}).location

    def patch(size: int) -> Any:
        more = "x" * (size - 2_000 - len(',"b":""'))
        return client.patch(url, json={"payload": {"json": {"b": more}}})

    assert errors(patch(4_097)) == {"/payload": TOO_LARGE}
    assert "b" not in client.get(url).json["payload"]["json"]
    assert "b" in patch(4_096).json["payload"]["json"]


def test_a_payload_cannot_get_too_many_values_by_patches(client: FlaskClient) -> None:
    allow_bodies(client, 1_000_000)
    first = {"url": URL, "json": {"a": [0] * 20_000}}
    url = client.post("/tasks", json={**HTTP, "payload": first}).location

    response = client.patch(url, json={"payload": {"json": {"b": [0] * 20_000}}})

    assert errors(response) == {"/payload": TOO_MANY}


def test_a_submit_and_a_replacement_have_the_limit_of_a_patch(client: FlaskClient) -> None:
    allow_large_batches(client)
    just_right, too_large = payload_of(4_096), payload_of(4_097)
    batch = [{**HTTP, "payload": payload} for payload in (just_right, too_large)]
    [task] = client.post("/tasks/batch", json={"tasks": batch[:1]}).json["tasks"]

    assert errors(client.post("/tasks/batch", json={"tasks": batch})) == {
        "/tasks/1/payload": TOO_LARGE
    }
    allow_bodies(client, 4_096)
    labels = client.patch(f"/tasks/{task['task_id']}", json={"labels": {"a": "b"}})
    assert labels.json["payload"] == just_right


def test_a_payload_that_is_refused_is_not_checked_by_its_type(client: FlaskClient) -> None:
    url = client.post("/tasks", json={**HTTP, "payload": payload_of(2_000)}).location
    wrong = {"json": {"b": "x" * 3_000}, "success_status": ["?"]}

    response = client.patch(url, json={"payload": wrong, "duration": 3})

    assert errors(response).keys() == {"/payload", "/duration"}


def test_a_payload_of_an_earlier_limit_does_not_prevent_other_changes(client: FlaskClient) -> None:
    stored = {**HTTP, "payload": payload_of(4_000)}
    url = client.post("/tasks", json=stored).location
    admission = client.application.extensions["container"].admission()
    admission._max_payload_bytes = 1_024

    assert client.patch(url, json={"priority": 9}).status_code == 200
    assert client.put(url, json={**stored, "priority": 3}).status_code == 200
    assert client.patch(url, json={"payload": {"method": "GET"}}).status_code == 422


@pytest.mark.parametrize("member", ["\ud800", {"\udfff": 1}])
def test_what_no_store_can_hold_is_refused_beside_other_problems(
    client: FlaskClient, member: Any
) -> None:
    payload = {"url": URL, "json": member}

    response = client.post("/tasks", json={**HTTP, "payload": payload, "duration": 3})

    assert errors(response) == {
        "/payload": "Must not contain lone surrogates or numbers that no double can hold.",
        "/duration": "Belongs to the type sleep alone; http takes a payload.",
    }
