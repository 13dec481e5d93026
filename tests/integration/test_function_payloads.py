"""The payloads of functions, which the API checks by their signatures; no worker runs."""

from typing import Any

import pytest

from tests.integration.functions import HANDLERS, submit
from tests.integration.processes import Api

API_SETTINGS = {"http_workers": 1, "handlers": HANDLERS}


def test_each_type_has_a_description_and_a_schema(api: Api) -> None:
    types = {type["type"]: type for type in api.request("GET", "/types").json()["types"]}

    assert {
        "sleep",
        "greet",
        "csv_report",
        "thumbnail",
        "render_video",
        "ask_model",
    } <= types.keys()
    assert types["greet"]["description"] == "Say hello."
    assert types["greet"]["payload_schema"]["required"] == ["name"]


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        (
            {"type": "greet", "payload": {"name": 3, "tims": 1}},
            {
                "/payload/name": "Input should be a valid string.",
                "/payload/tims": "Extra inputs are not permitted.",
            },
        ),
        ({"type": "greet"}, {"/payload/name": "Field required."}),
        ({"type": "greet", "payload": []}, {"/payload": "Not a valid mapping type."}),
        (
            {"type": "greet", "payload": {"name": "Ada"}, "duration": 3},
            {"/duration": "Belongs to the type sleep alone; greet takes a payload."},
        ),
        ({"duration": 3, "payload": {"name": "Ada"}}, {"/payload": "The type sleep takes none."}),
        (
            {"type": "greet", "payload": {"name": "\ud800"}},
            {"/payload": "Must not contain lone surrogates or numbers that no double can hold."},
        ),
    ],
)
def test_a_payload_that_does_not_fit_is_refused_member_by_member(
    api: Api, body: dict[str, Any], errors: dict[str, str]
) -> None:
    response = api.request("POST", "/tasks", json={"task_name": "test", **body})

    assert response.status_code == 422
    assert {error["pointer"]: error["message"] for error in response.json()["errors"]} == errors
    assert api.request("GET", "/tasks").json()["pagination"]["total_tasks"] == 0


def test_every_violation_of_every_task_of_a_batch_is_listed(api: Api) -> None:
    tasks = [
        {"task_name": "good", "type": "greet", "payload": {"name": "Ada"}},
        {"task_name": "bad", "type": "greet", "payload": {"times": "2"}},
        {"task_name": "worse", "type": "dance"},
    ]

    response = api.request("POST", "/tasks/batch", json={"tasks": tasks})

    pointers = [error["pointer"] for error in response.json()["errors"]]
    assert (response.status_code, pointers) == (
        422,
        ["/tasks/1/payload/name", "/tasks/1/payload/times", "/tasks/2/type"],
    )


def test_the_refusal_of_an_unknown_type_lists_the_known_ones(api: Api) -> None:
    response = api.request("POST", "/tasks", json={"task_name": "test", "type": "dance"})

    [error] = response.json()["errors"]
    assert (response.status_code, error["pointer"]) == (422, "/type")
    assert error["message"].startswith("Must be one of ask_model, count_to, csv_report, greet,")


def test_the_payload_of_a_waiting_task_can_be_patched_and_is_checked_again(api: Api) -> None:
    task_id = submit(api, "greet", {"name": "Ada", "times": 2}, queue="unserved")

    changed = api.request(
        "PATCH", f"/tasks/{task_id}", json={"payload": {"times": None, "name": "Bob"}}
    )
    refused = api.request("PATCH", f"/tasks/{task_id}", json={"payload": {"name": None}})

    assert changed.json()["payload"] == {"name": "Bob"}
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/payload/name")


def test_a_task_is_found_by_the_text_of_its_payload(api: Api) -> None:
    wanted, _ = (
        submit(api, "greet", {"name": "Grace Hopper"}),
        submit(api, "greet", {"name": "Ada"}),
    )

    assert [task["task_id"] for task in api.request("GET", "/tasks?q=hopper").json()["tasks"]] == [
        wanted
    ]
