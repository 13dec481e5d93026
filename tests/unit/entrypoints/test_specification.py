"""The specification is complete, valid, committed, and matches the responses."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from marshmallow import Schema
from openapi_spec_validator import validate

from application.task_serializer import serialize_task
from domain.status import Status
from domain.task_state import Progress
from entrypoints.api.problems.catalogue import PROBLEM_TYPES, problems_page
from entrypoints.api.problems.codes import CODES, HTTP_CODES
from entrypoints.api.schemas.task_responses import PaginationResponse, TaskResponse
from entrypoints.cli import main
from tests.building import NOON, a_task
from tests.contracts.heartbeats import a_process
from tests.fakes.heartbeats import FakeHeartbeats

METHODS = {"get", "put", "post", "patch", "delete"}
UNDOCUMENTED = {
    *("/", "/docs", "/docs/init.js", "/docs/{name}", "/problems/{code}", "/openapi.json"),
    *("/ui/", "/ui/{version}/{name}"),
}
DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    body: dict[str, Any] = client.get("/openapi.json").json
    return body


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, item[method])
        for path, item in document["paths"].items()
        for method in item
        if method in METHODS
    ]


def test_the_specification_is_valid(document: dict[str, Any]) -> None:
    validate(document)
    assert document["openapi"] == "3.1.0"


def test_the_committed_files_match_the_code(document: dict[str, Any]) -> None:
    assert json.loads((DOCS / "openapi.json").read_text()) == document, "run: make openapi"
    assert (DOCS / "problems.md").read_text() == problems_page(), "run: make openapi"
    printed = CliRunner().invoke(main, ["openapi"])
    assert json.loads(printed.output) == document


def test_every_route_and_method_is_documented(
    client: FlaskClient, document: dict[str, Any]
) -> None:
    routes = {
        (
            re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule),
            method.lower(),
        )
        for rule in client.application.url_map.iter_rules()
        for method in rule.methods or ()
        if method.lower() in METHODS
    }

    documented = {(path, method) for path, method, _ in operations(document)}

    assert {route for route in routes - documented if route[0] not in UNDOCUMENTED} == set()
    assert documented <= routes


def test_every_operation_documents_its_purpose_and_problems(
    document: dict[str, Any],
) -> None:
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert len(operation["operationId"]) > 3, where
        for status in ("406", "422", "500", *(() if path == "/livez" else ("503",))):
            content = operation["responses"][status]["content"]
            assert content.keys() == {"application/problem+json"}, where
        if "requestBody" in operation:
            assert {"400", "413", "415"} <= operation["responses"].keys(), where
            assert "example" in json.dumps(operation["requestBody"]), where


def test_everything_is_described(document: dict[str, Any]) -> None:
    """Linters with strict rules (vacuum, Spectral) require descriptions."""
    missing = [
        f"{method} {path}"
        for path, method, operation in operations(document)
        if not operation["description"]
    ]
    assert document["info"]["description"]
    assert all(server["description"] for server in document["servers"])
    assert all(tag["description"] for tag in document["tags"])
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        parameters = [*operation["parameters"], *document["paths"][path].get("parameters", [])]
        missing += [
            f"{where} {each['name']}"
            for each in parameters
            if "$ref" not in each and not each["description"]
        ]
        for status, response in operation["responses"].items():
            described = {"": response, **response.get("headers", {})}
            missing += [
                f"{where} {status} {name}"
                for name, node in described.items()
                if "$ref" not in node and not node["description"]
            ]
    assert all(header["description"] for header in document["components"]["headers"].values())
    for name, schema in document["components"]["schemas"].items():
        members = {"": schema, **schema.get("properties", {})}
        missing += [
            f"{name}/{member}" for member, node in members.items() if not node.get("description")
        ]

    assert missing == []


def test_each_operation_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]

    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z]+([A-Z][a-z]+)+", name) for name in names), names


def test_defaults_do_not_make_members_of_bodies_required(document: dict[str, Any]) -> None:
    """Client generators treat a member with a default as always present, as in responses."""
    schemas = document["components"]["schemas"]
    bodies = {name for name in schemas if name.endswith("Body")}

    assert len(bodies) >= 9
    for name in bodies:
        assert "default" not in json.dumps(
            {"properties": schemas[name].get("properties", {})}
        ).split('"'), name
    for member in ("task_id", "status", "labels", "retry", "links"):
        assert member in schemas["TaskAnswer"]["required"]


def test_optional_parameters_have_no_example_that_a_page_would_send(
    document: dict[str, Any],
) -> None:
    for path, method, operation in operations(document):
        for parameter in (each for each in operation["parameters"] if "$ref" not in each):
            text = json.dumps(parameter)
            assert '"example' not in text, f"{method} {path} {parameter['name']}"


@pytest.mark.parametrize(
    ("name", "body", "fits"),
    [
        ("TaskBody", {"task_name": "x", "duration": 1}, True),
        ("TaskBody", {"task_name": "x", "type": "sleep", "duration": 1, "payload": {}}, True),
        ("TaskBody", {"task_name": "x", "type": "other", "payload": {"a": 1}}, True),
        ("TaskBody", {"task_name": "x"}, False),
        ("TaskBody", {"task_name": "x", "type": "sleep"}, False),
        ("TaskBody", {"task_name": "x", "duration": 1, "payload": {"a": 1}}, False),
        ("TaskBody", {"task_name": "x", "type": "other", "duration": 1}, False),
        ("TaskBody", {"task_name": "x", "duration": 1, "labels": {"A": "b"}}, False),
        ("ActionBody", {"action": "cancel", "ids": ["x"]}, True),
        ("ActionBody", {"action": "cancel", "filter": {}, "dry_run": True}, True),
        ("ActionBody", {"action": "cancel"}, False),
        ("ActionBody", {"action": "cancel", "ids": ["x"], "filter": {}}, False),
    ],
)
def test_rules_between_members_are_part_of_the_schemas(
    client: FlaskClient, document: dict[str, Any], name: str, body: dict[str, Any], *, fits: bool
) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}

    assert Draft202012Validator(schema).is_valid(body) is fits
    response = client.post("/tasks" if name == "TaskBody" else "/tasks/actions", json=body)
    messages = [each["message"] for each in response.json.get("errors", [])]
    assert not messages or not fits or messages[0].startswith("Must be one of http, sleep"), (
        messages
    )
    assert fits or response.status_code == 422


@pytest.mark.parametrize(
    "path", ["/queues", "/workers", "/types", "/stats", "/tasks", "/livez", "/tasks/{task_id}/logs"]
)
def test_a_response_has_the_form_that_the_specification_gives(
    client: FlaskClient, document: dict[str, Any], heartbeats: FakeHeartbeats, path: str
) -> None:
    heartbeats.beat(a_process())
    task_id = client.post("/tasks", json={"task_name": "x", "duration": 1}).json["task_id"]
    content = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]

    response = client.get(path.format(task_id=task_id))

    schema = {**content["schema"], "components": document["components"]}
    assert response.status_code == 200
    assert [
        error.message for error in Draft202012Validator(schema).iter_errors(response.json)
    ] == []


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
def test_entity_tags_match_the_pattern_that_the_specification_gives(
    client: FlaskClient, document: dict[str, Any], header: str
) -> None:
    method = "patch" if header == "If-Match" else "get"
    parameters = document["paths"]["/tasks/{task_id}"][method]["parameters"]
    [pattern] = [each["schema"]["pattern"] for each in parameters if each.get("name") == header]
    url = client.post("/tasks", json={"task_name": "x", "duration": 1}).location
    own = client.get(url).headers["ETag"]
    assert own == '"1-1"'

    for tags in (own, "*", f'"7", {own}', f"W/{own}", '""', "1", '"', "x y", '"a" "b"', "*, *"):
        options = {"json": {}} if method == "patch" else {}
        response = client.open(url, method=method.upper(), headers={header: tags}, **options)
        assert (response.status_code != 400) == bool(re.search(pattern, tags)), tags


def test_every_problem_is_explained() -> None:
    assert set(CODES.values()) | set(HTTP_CODES.values()) <= PROBLEM_TYPES.keys()
    for kind in PROBLEM_TYPES.values():
        assert 400 <= kind.status < 600
        assert kind.title
        assert kind.advice.endswith(".")


@pytest.mark.parametrize("status", Status)
def test_a_task_is_written_as_its_schema_says(status: Status) -> None:
    task = a_task(status, labels={"a": "b"}, expires_at=NOON.replace(year=2999))
    if status is Status.PROCESSING:
        task = replace(task, progress=Progress(fraction=0.5, message="half"), cancel_requested=True)

    members = serialize_task(task, 3 if status is Status.QUEUED else None)

    assert members.keys() <= declared(TaskResponse)
    assert TaskResponse().validate(members) == {}
    assert None not in members.values()


def test_the_names_of_a_page_are_declared() -> None:
    assert declared(PaginationResponse) == {
        "current_page",
        "page_size",
        "total_pages",
        "total_tasks",
        "next_cursor",
    }


def declared(schema: type[Schema]) -> set[str]:
    return set(schema().fields)


def test_responses_to_counted_requests_have_the_headers_of_limits(
    document: dict[str, Any],
) -> None:
    responses = document["paths"]["/tasks"]["post"]["responses"]
    limits = {"RateLimit", "RateLimit-Policy"}

    assert limits <= set(responses["202"]["headers"])
    assert limits | {"Retry-After"} <= set(responses["429"]["headers"])
    assert not limits & set(responses["401"]["headers"])
    assert "Retry-After" in responses["503"]["headers"]
    assert not limits & set(document["paths"]["/livez"]["get"]["responses"]["200"]["headers"])
