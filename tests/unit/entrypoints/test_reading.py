"""The specification names exactly what the code reads: query, headers, path and bodies.

The tests record what the code reads during a request of each operation, and compare both ways.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from marshmallow import Schema, fields
from werkzeug.test import EnvironBuilder, run_wsgi_app

from application.ports.task_repository import Change
from domain.status import Status
from domain.task import Task
from entrypoints.api.reading import arguments
from entrypoints.api.reading.arguments import StrictParser
from entrypoints.api.resources.examples import A_SCHEDULE_BODY
from tests.building import a_task
from tests.fakes.task_store import FakeTaskStore

METHODS = {"get", "put", "post", "patch", "delete"}
EVERY_HTTP_MESSAGE = {
    *("Accept", "Host", "Origin", "Sec-Fetch-Site", "Content-Length", "Transfer-Encoding"),
    *("Content-Type", "Connection", "Accept-Encoding", "Traceparent", "Tracestate"),
}
"""Headers that OpenAPI leaves to HTTP, and headers that only browsers or any proxy write."""
SCHEDULE = "nightly-report"
RETRYABLE = {"/tasks/{task_id}/retry"}
LABELS = {"labels": "label"}
"""Names in a query string of members that have another name in their schema."""


class RecordingEnviron(dict[str, Any]):
    """The environment of a request. It records the headers that the code asks for by name."""

    def __init__(self, members: dict[str, Any]) -> None:
        super().__init__(members)
        self.headers: set[str] = set()

    def _note(self, name: object) -> None:
        if isinstance(name, str) and name.startswith("HTTP_"):
            self.headers.add(name.removeprefix("HTTP_").replace("_", "-").title())

    def __getitem__(self, name: str) -> Any:
        self._note(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self._note(name)
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self._note(name)
        return super().get(name, default)


@dataclass
class Reading:
    """The parts of one request that the code read, and the status of the response."""

    status: int = 0
    headers: set[str] = field(default_factory=set)
    query: set[str] = field(default_factory=set)
    body: Schema | None = None


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    body: dict[str, Any] = client.get("/openapi.json").json
    return body


@pytest.fixture
def send(
    client: FlaskClient,
    store: FakeTaskStore,
    document: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str, str], Reading]:
    """Return a function that sends the example of an operation to a stored task."""
    app: Flask = client.application
    load_query, load_json = StrictParser.load_querystring, StrictParser.load_json
    readings = [Reading()]

    def note_query(parser: StrictParser, req: Any, schema: Schema) -> Any:
        readings[-1].query |= {LABELS.get(name, name) for name in schema.fields}
        return load_query(parser, req, schema)

    def note_body(parser: StrictParser, req: Any, schema: Schema) -> Any:
        readings[-1].body = schema
        return load_json(parser, req, schema)

    monkeypatch.setattr(StrictParser, "load_querystring", note_query)
    monkeypatch.setattr(StrictParser, "load_json", note_body)
    monkeypatch.setattr(arguments, "MAX_KEPT_QUERY_BYTES", -1)  # each query is parsed

    def sent(method: str, path: str) -> Reading:
        task = stored(store, Status.FAILED if path in RETRYABLE else Status.QUEUED)
        client.put(f"/schedules/{SCHEDULE}", json=A_SCHEDULE_BODY)
        url = path.format(
            task_id=task.task_id, queue="default", number=1, key_id="none", schedule=SCHEDULE
        )
        content = document["paths"][path][method].get("requestBody", {}).get("content", {})
        options = {"json": content["application/json"]["example"]} if content else {}
        environ = RecordingEnviron(
            EnvironBuilder(url, method=method.upper(), **options).get_environ()
        )
        readings.append(Reading())
        body, status, _ = run_wsgi_app(lambda _, start: app.wsgi_app(environ, start), {})
        if not path.endswith("/events"):
            list(body)
        readings[-1].status = int(status.split()[0])
        readings[-1].headers = environ.headers
        return readings[-1]

    return sent


def stored(store: FakeTaskStore, status: Status) -> Task:
    return store.save(Change(before=None, after=a_task(status)))


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            yield method, path, item[method]


def parameters(document: dict[str, Any], path: str, method: str) -> dict[str, set[str]]:
    """Return the names of an operation's parameters by location."""
    item = document["paths"][path]
    names: dict[str, set[str]] = {"query": set(), "header": set(), "path": set()}
    for parameter in [*item.get("parameters", []), *item[method].get("parameters", [])]:
        resolved = resolve(document, parameter)
        names[resolved["in"]].add(resolved["name"])
    return names


def resolve(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    found: Any = document
    for part in node["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return resolve(document, found)


def differences(
    document: dict[str, Any], schema: Schema, described: dict[str, Any], path: str = ""
) -> Iterator[str]:
    """Yield the members in which a schema of the code and one of the document differ."""
    described = resolve(document, described)
    variants = [resolve(document, each) for each in described.get("oneOf", [described])]
    named = {name: member for variant in variants for name, member in variant["properties"].items()}
    yield from (f"{path}/{name}" for name in schema.load_fields.keys() ^ named.keys())
    required = {name for name, each in schema.load_fields.items() if each.required}
    common = set.intersection(*(set(variant.get("required", [])) for variant in variants))
    yield from (f"{path}/{name} required" for name in required ^ common)
    for name in schema.load_fields.keys() & named.keys():
        inner, node = schema.load_fields[name], named[name]
        if isinstance(inner, fields.List):
            inner, node = inner.inner, node["items"]
        if isinstance(inner, fields.Nested):
            [node] = [each for each in node.get("anyOf", [node]) if "$ref" in each]
            yield from differences(document, inner.schema, node, f"{path}/{name}")


def test_each_operation_reads_what_it_documents(
    document: dict[str, Any], send: Callable[[str, str], Reading]
) -> None:
    wrong = []
    for method, path, operation in operations(document):
        reading, documented = send(method, path), parameters(document, path, method)
        where = f"{method.upper()} {path}"
        read = {name.lower() for name in reading.headers - EVERY_HTTP_MESSAGE}
        wrong += [f"{where}: query {name}" for name in reading.query ^ documented["query"]]
        wrong += [
            f"{where}: header {name}"
            for name in read ^ {name.lower() for name in documented["header"]}
        ]
        content = operation.get("requestBody", {}).get("content", {})
        assert (reading.body is None) == (not content), where
        for media_type, body in content.items():
            found = differences(document, reading.body, body["schema"]) if reading.body else ()
            wrong += [f"{where}: {media_type} {name}" for name in found]

    assert wrong == []


def test_the_path_parameters_are_those_of_the_routes(
    client: FlaskClient, document: dict[str, Any]
) -> None:
    rules = {
        re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule): rule.arguments
        for rule in client.application.url_map.iter_rules()
    }

    for method, path, _ in operations(document):
        assert parameters(document, path, method)["path"] == rules[path], f"{method} {path}"


def test_every_example_works(document: dict[str, Any], send: Callable[[str, str], Reading]) -> None:
    """Some are refused: a resend without a delivery, the removal of a queue in use, and whatever
    manages keys where nobody is asked for one.
    """
    refused = {
        f"{method} {path}"
        for method, path, _ in operations(document)
        if send(method, path).status >= 400
    }

    assert refused == {
        "post /tasks/{task_id}/deliveries/{number}/resend",
        "post /tasks/{task_id}/links",
        "delete /queues/{queue}",
        "post /session",
        "delete /session",
        "get /keys",
        "post /keys",
        "delete /keys/{key_id}",
        "post /keys/{key_id}/rotate",
    }


def test_each_documented_query_parameter_is_accepted(
    client: FlaskClient, document: dict[str, Any]
) -> None:
    """Every other parameter is refused."""
    for method, path, operation in operations(document):
        url = path.format(
            task_id="018f0000-0000-7000-8000-000000000000",
            queue="default",
            number=1,
            key_id="none",
            schedule=SCHEDULE,
        )
        for parameter in (
            each for each in operation.get("parameters", []) if each.get("in") == "query"
        ):
            response = client.open(
                url, method=method.upper(), query_string={parameter["name"]: "?"}
            )
            assert "Unknown field" not in json.dumps(response.json), f"{url}?{parameter['name']}"
        options = {"json": {}} if "requestBody" in operation else {}
        response = client.open(url, method=method.upper(), query_string={"color": "red"}, **options)
        assert "Unknown field" in json.dumps(response.json), url
