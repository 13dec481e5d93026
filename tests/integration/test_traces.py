"""One trace leads from a caller through submit, waits, runs, outgoing calls and the callback."""

import json
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.tracer import SeenSpan
from tests.integration.collector import Collector
from tests.integration.ports import free_port
from tests.integration.processes import Api, ServiceProcess
from tests.integration.receiver import Receiver, Response
from tests.integration.waiting import wait_until

CALLER = "00f067aa0ba902b7"
"""The id of the span from which a caller submits."""
HEADERS = "api-key=planted, a planted header that cannot be read"
FAST = {"max_attempts": 3, "initial_delay": 0, "jitter": 0}
LATER = "2099-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as collector, pytest.MonkeyPatch.context() as patch:
        for name, value in collector.environment.items():
            patch.setenv(name, value)
        patch.setenv("OTEL_EXPORTER_OTLP_HEADERS", HEADERS)
        yield collector


@pytest.fixture(scope="module")
def processes(
    collector: Collector, redis_server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, ServiceProcess]]:
    folder = tmp_path_factory.mktemp("traced")
    settings: dict[str, Any] = {
        "redis_url": redis_server_url,
        "http_allowed_networks": "127.0.0.1/32",
        "handlers": "tests.integration.traced_work",
    }
    of_worker = {"worker_concurrency": 1, "data_dir": folder / "state", **settings}
    with (
        Api(folder / "api.log", http_workers=1, **settings) as api,
        ServiceProcess("worker", folder / "worker.log", **of_worker) as worker,
        ServiceProcess("maintenance", folder / "maintenance.log", **settings) as maintenance,
    ):
        yield {"api": api, "worker": worker, "maintenance": maintenance}


@pytest.fixture
def api(processes: dict[str, ServiceProcess], redis_url: str) -> Api:
    api = processes["api"]
    assert isinstance(api, Api)
    return api


@pytest.fixture
def trace() -> str:
    """The id of a trace that no other test has."""
    return uuid.uuid4().hex


def submit(api: Api, trace: str, **members: Any) -> dict[str, Any]:
    headers = {"traceparent": f"00-{trace}-{CALLER}-01", "tracestate": "shop=1"}
    body = {"task_name": "traced", "retry": FAST, **members}
    response = api.request("POST", "/tasks", json=body, headers=headers)
    assert response.status_code == 202, response.text
    task: dict[str, Any] = response.json()
    return task


def test_one_trace_leads_from_the_caller_to_the_callback_over_a_retry(
    api: Api, collector: Collector, receiver: Receiver, trace: str
) -> None:
    receiver.responses = [Response(503, "secret body"), Response(200)]

    task = submit(
        api,
        trace,
        type="http",
        payload={"url": f"{receiver.url}/work?key=secret", "json": {"card": "secret"}},
        callback_url=f"{receiver.url}/secret-path",
    )

    spans = collector.wait_for_spans(9, trace)
    [request] = collector.wait_for_named(1, trace, "POST /tasks")
    [submitted] = collector.wait_for_named(1, trace, "submit default")
    first, second = collector.wait_for_named(2, trace, "run default")
    calls = collector.wait_for_named(2, trace, "POST http")
    [callback] = collector.wait_for_named(1, trace, "POST callback")
    assert (request.parent_id, request.service) == (CALLER, "task-manager-api")
    assert request.attributes["http.response.status_code"] == 202
    assert submitted.parent_id == request.span_id
    below = sorted(span.name for span in spans if span.parent_id == submitted.span_id)
    assert below == ["POST callback", *["run default"] * 2, *["wait default"] * 2]
    assert first.links == second.links == [submitted.span_id]
    assert [run.attributes["task_manager.task.attempt"] for run in (first, second)] == [1, 2]
    assert [run.is_error for run in (first, second)] == [True, False]
    assert [call.parent_id for call in calls] == [first.span_id, second.span_id]
    assert [call.attributes["http.response.status_code"] for call in calls] == [503, 200]
    assert {span.service for span in (first, second, *calls)} == {"task-manager-worker"}
    assert callback.service == "task-manager-maintenance"
    sent = [request.headers["traceparent"] for request in receiver.wait_for(3)]
    assert sent == [f"00-{trace}-{span.span_id}-01" for span in (*calls, callback)]
    assert {request.headers["tracestate"] for request in receiver.requests} == {"shop=1"}
    of_task = [span for span in spans if span.attributes.get("messaging.message.id")]
    assert {span.attributes["messaging.message.id"] for span in of_task} == {task["task_id"]}
    assert len(of_task) == len(spans) - 1  # all but the request
    assert "secret" not in repr(spans)


def test_a_run_that_was_killed_and_the_run_that_follows_are_two_spans(
    api: Api, collector: Collector, trace: str
) -> None:
    task = submit(api, trace, type="crash_once", payload={})

    assert api.final(task["task_id"])["result"] == 2
    [submitted] = collector.wait_for_named(1, trace, "submit default")
    killed, finished = collector.wait_for_named(2, trace, "run default")
    assert killed.parent_id == finished.parent_id == submitted.span_id
    assert killed.attributes["task_manager.run.outcome"] == "worker_lost"
    assert killed.is_error
    assert finished.attributes["task_manager.run.outcome"] == "completed"
    wait = collector.wait_for_named(1, trace, "wait default")[-1]
    assert wait.began <= wait.ended <= finished.ended


@pytest.mark.parametrize("function", ["instrumented", "instrumented_coroutine"])
def test_the_code_of_a_function_sees_the_span_of_its_run(
    api: Api, collector: Collector, trace: str, function: str
) -> None:
    task = submit(api, trace, type=function, payload={})

    seen = api.final(task["task_id"])["result"]
    [run] = collector.wait_for_named(1, trace, "run default")
    [own] = collector.wait_for_named(1, trace, "own work")
    assert seen == {"trace_id": trace, "span_id": run.span_id}
    assert own.parent_id == run.span_id


def test_log_lines_name_the_trace(
    api: Api, trace: str, processes: dict[str, ServiceProcess]
) -> None:
    task = submit(api, trace, type="instrumented", payload={})
    api.final(task["task_id"])

    def said(process: str) -> list[str]:
        lines = [line for line in processes[process].output.splitlines() if line[:1] == "{"]
        told = map(json.loads, lines)
        return [line["event"] for line in told if line.get("trace_id") == trace]

    assert said("api") == ["POST /tasks"]
    assert said("worker") == ["the work goes on", "Run ended: completed"]


def test_no_log_has_the_headers_of_the_exports(
    api: Api, collector: Collector, trace: str, processes: dict[str, ServiceProcess]
) -> None:
    submit(api, trace, type="instrumented", payload={})

    collector.wait_for_named(1, trace, "run default")
    assert collector.requests[0].headers["api-key"] == "planted"
    assert not [name for name, process in processes.items() if "planted" in process.output]


def test_a_request_without_a_valid_trace_begins_one_and_probes_have_none(
    api: Api, collector: Collector, trace: str
) -> None:
    for path in ("/livez", "/readyz", f"/tasks/{trace}"):
        api.request("GET", path, headers={"traceparent": f"00-{'0' * 32}-{CALLER}-01"})

    def paths() -> dict[str | int | None, SeenSpan]:
        return {span.attributes.get("url.path"): span for span in collector.spans}

    span = wait_until(lambda: paths().get(f"/tasks/{trace}"))
    assert (span.name, span.parent_id, span.is_error) == ("GET /tasks/{task_id}", "", False)
    assert span.attributes == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "url.path": f"/tasks/{trace}",
        "http.route": "/tasks/{task_id}",
        "http.response.status_code": 404,
    }
    assert paths().keys().isdisjoint({"/livez", "/readyz"})


@pytest.mark.slow
@pytest.mark.parametrize("collector_is", ["away", "hanging", "there"])
def test_no_request_run_or_stop_waits_for_the_collector(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trace: str, collector_is: str
) -> None:
    released = threading.Event()
    hang = released.wait if collector_is == "hanging" else lambda: None
    with Collector(stall=hang) as collector:
        away = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
        environment = {
            **collector.environment,
            **(away if collector_is == "away" else {}),
            # longer than any test waits, so that what is sent is sent at the end
            **({"OTEL_BSP_SCHEDULE_DELAY": "600000"} if collector_is == "there" else {}),
            "OTEL_EXPORTER_OTLP_TIMEOUT": "600",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        of_worker = {"worker_concurrency": 1, "data_dir": tmp_path / "state", "queues": "spare"}
        with (
            Api(tmp_path / "api.log", http_workers=1, redis_url=redis_url) as api,
            ServiceProcess(
                "worker", tmp_path / "worker.log", redis_url=redis_url, **of_worker
            ) as worker,
        ):
            task = submit(api, trace, duration=1, queue="spare")
            assert api.final(task["task_id"])["status"] == "COMPLETED"
            assert [worker.stop(), api.stop()] == [0, 0]
        released.set()
        sent = {span.name for span in collector.of_trace(trace)}
    if collector_is == "there":
        assert sent == {"POST /tasks", "submit spare", "wait spare", "run spare"}
    for process in (api, worker):
        assert process.output.count('"action": "traces_lost"') <= 1
        assert "Traceback" not in process.output
        assert "opentelemetry" not in process.output
