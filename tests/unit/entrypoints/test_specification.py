"""The specification is complete, valid, committed as it is, and what answers really look like."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from marshmallow import Schema
from openapi_spec_validator import validate

from domain.status import Status
from domain.task import Progress
from entrypoints.api.answers import PaginationAnswer, TaskAnswer, task_members
from entrypoints.api.problems import CODES, HTTP_CODES, PROBLEM_TYPES, problems_page
from entrypoints.cli import main
from tests.building import NOON, a_task

METHODS = {"get", "put", "post", "patch", "delete"}
UNDOCUMENTED = {"/", "/docs", "/docs/init.js", "/docs/{name}", "/problems/{code}", "/openapi.json"}
DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    body: dict[str, Any] = client.get("/openapi.json").json
    return body


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, item[method]) for path, item in document["paths"].items() for method in item if method in METHODS
    ]


def test_the_specification_is_valid(document: dict[str, Any]) -> None:
    validate(document)
    assert document["openapi"] == "3.1.0"


def test_what_is_committed_is_what_the_code_says(document: dict[str, Any]) -> None:
    assert json.loads((DOCS / "openapi.json").read_text()) == document, "run: make openapi"
    assert (DOCS / "problems.md").read_text() == problems_page(), "run: make openapi"
    printed = CliRunner().invoke(main, ["openapi"])
    assert json.loads(printed.output) == document


def test_every_route_and_method_is_documented(client: FlaskClient, document: dict[str, Any]) -> None:
    routes = {
        (rule.rule.replace("<task:", "{").replace("<int:", "{").replace("<", "{").replace(">", "}"), method.lower())
        for rule in client.application.url_map.iter_rules()
        for method in rule.methods or ()
        if method.lower() in METHODS
    }

    documented = {(path, method) for path, method, _ in operations(document)}

    assert {route for route in routes - documented if route[0] not in UNDOCUMENTED} == set()
    assert documented <= routes


def test_every_operation_says_what_it_does_and_which_problems_it_answers(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert len(operation["operationId"]) > 3, where
        if path == "/livez":
            continue
        for status in ("406", "422", "500", "503"):
            content = operation["responses"][status]["content"]
            assert content.keys() == {"application/problem+json"}, where
        if "requestBody" in operation:
            assert {"400", "413", "415"} <= operation["responses"].keys(), where
            assert "example" in json.dumps(operation["requestBody"]), where


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

    members = task_members(task, 3 if status is Status.QUEUED else None)

    assert members.keys() <= declared(TaskAnswer)
    assert TaskAnswer().validate(members) == {}
    assert None not in members.values()


def test_the_names_of_a_page_are_declared() -> None:
    assert declared(PaginationAnswer) == {"current_page", "page_size", "total_pages", "total_tasks", "next_cursor"}


def declared(schema: type[Schema]) -> set[str]:
    return set(schema().fields)
