"""Requests as spans, and the traces of callers in tasks and in the log."""

import logging

import pytest
from dependency_injector import providers
from flask.testing import FlaskClient

from application.ports.tracer import SpanKind
from entrypoints.api.app import create_app
from entrypoints.container import Container
from tests.contracts.tracer import CALLER
from tests.fakes.clock import FakeClock
from tests.fakes.task_store import FakeTaskStore
from tests.fakes.tracer import FakeTracer
from tests.unit.entrypoints.calls import AN_ID

HEADERS = dict(CALLER.headers)
BODY = {"task_name": "test", "duration": 1}


@pytest.fixture
def tracer(clock: FakeClock) -> FakeTracer:
    return FakeTracer(clock)


@pytest.fixture
def traced(container: Container, tracer: FakeTracer) -> FlaskClient:
    """A client of an application that makes traces."""
    container.tracer.override(providers.Object(tracer))
    return create_app(container).test_client()


def trace_ids(store: FakeTaskStore, *task_ids: str) -> list[str | None]:
    tasks = [store.get(task_id) for task_id in task_ids]
    return [task.trace.trace_id if task and task.trace else None for task in tasks]


def test_a_submit_is_a_span_within_its_request(
    traced: FlaskClient, tracer: FakeTracer, store: FakeTaskStore
) -> None:
    task = traced.post("/tasks", json=BODY, headers=HEADERS).json

    submitted, request = tracer.spans
    assert (request.name, request.kind) == ("POST /tasks", SpanKind.SERVER)
    assert (request.trace_id, request.parent_id) == (CALLER.trace_id, CALLER.span_id)
    assert (submitted.name, submitted.parent_id) == ("submit default", request.span_id)
    stored = store.get(task["task_id"])
    assert stored is not None
    assert stored.trace is not None
    assert (stored.trace.span_id, stored.trace.tracestate) == (submitted.span_id, "vendor=1")


def test_the_tasks_of_a_batch_belong_to_the_trace_of_the_request(
    client: FlaskClient, store: FakeTaskStore
) -> None:
    response = client.post("/tasks/batch", json={"tasks": [BODY, BODY]}, headers=HEADERS)

    ids = [task["task_id"] for task in response.json["tasks"]]
    assert trace_ids(store, *ids) == [CALLER.trace_id] * 2


@pytest.mark.parametrize(
    ("traceparent", "trace_id"),
    [
        (CALLER.traceparent, CALLER.trace_id),
        (CALLER.traceparent.upper(), None),
        ("00-1-2-01", None),
        ("", None),
    ],
)
def test_a_service_without_traces_stores_those_of_callers(
    client: FlaskClient,
    store: FakeTaskStore,
    caplog: pytest.LogCaptureFixture,
    traceparent: str,
    trace_id: str | None,
) -> None:
    with caplog.at_level(logging.INFO, "access"):
        response = client.post("/tasks", json=BODY, headers={"traceparent": traceparent})

    assert response.status_code == 202
    assert trace_ids(store, response.json["task_id"]) == [trace_id]
    assert "trace" not in response.text
    [line] = [record for record in caplog.records if record.name == "access"]
    assert getattr(line, "trace_id", None) == trace_id


@pytest.mark.parametrize(
    ("method", "path", "name", "status"),
    [
        ("GET", f"/tasks/{AN_ID}", "GET /tasks/{task_id}", 404),
        ("DELETE", f"/tasks/{AN_ID}?cancel=true", "DELETE /tasks/{task_id}", 404),
        ("GET", f"/tasks/{AN_ID}/logs", "GET /tasks/{task_id}/logs", 404),
        ("GET", "/nowhere", "GET", 404),
        ("BREW", "/tasks", "HTTP", 405),
        ("GET", "/tasks?q=secret", "GET /tasks", 200),
    ],
)
def test_the_name_of_a_request_has_its_route_and_no_ids(
    traced: FlaskClient, tracer: FakeTracer, method: str, path: str, name: str, status: int
) -> None:
    traced.open(path, method=method)

    [span] = tracer.spans
    assert (span.name, span.attributes["http.response.status_code"]) == (name, status)
    assert span.attributes["url.path"] == path.partition("?")[0]
    assert not span.is_error
    assert "secret" not in repr(span)


def test_an_error_of_the_service_marks_the_span(
    traced: FlaskClient, tracer: FakeTracer, store: FakeTaskStore
) -> None:
    store.away = True

    assert traced.get("/tasks").status_code == 503

    [span] = tracer.spans
    assert (span.is_error, span.attributes["error.type"]) == (True, "503")


def test_a_stream_is_a_span_until_it_begins(traced: FlaskClient, tracer: FakeTracer) -> None:
    with traced.get("/events") as response:
        assert response.status_code == 200

    assert [span.name for span in tracer.spans] == ["GET /events"]


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_probes_and_scrapes_have_no_span(
    traced: FlaskClient, tracer: FakeTracer, path: str
) -> None:
    traced.get(path)

    assert tracer.spans == []
