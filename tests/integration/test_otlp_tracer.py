"""The tracer of OpenTelemetry, with a real collector."""

import os
import random
from collections.abc import Iterator
from types import SimpleNamespace
from typing import NoReturn

import pytest

from adapters.tracing.otlp_tracer import MAX_VALUE_LENGTH, OtlpTracer
from application.ports.tracer import Operation, SpanKind, Tracer
from domain.trace_context import MAX_STATE_LENGTH, TraceContext
from tests.building import NOON
from tests.contracts.tracer import CALLER, Seen, TracerContract, an_operation
from tests.integration.collector import Collector
from tests.integration.waiting import wait_until


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with Collector() as collector:
        for name, value in collector.environment.items():
            monkeypatch.setenv(name, value)
        yield collector


@pytest.fixture
def tracer(collector: Collector) -> Iterator[Tracer]:
    tracer = OtlpTracer("task-manager-test", "1")
    tracer.start()
    yield tracer
    tracer.stop()


@pytest.fixture
def seen(collector: Collector) -> Seen:
    return collector.wait_for_spans


class TestOtlpTracer(TracerContract):
    pass


def test_the_operator_names_the_service_and_adds_attributes(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "orders")
    tracer = OtlpTracer("task-manager-test", "1")
    tracer.record(an_operation(), CALLER, began=NOON, ended=NOON)
    tracer.stop()

    assert [span.service for span in collector.wait_for_spans(1)] == ["orders"]


def test_a_collector_that_takes_no_spans_is_logged_once_and_its_return_once(
    collector: Collector, tracer: Tracer, caplog: pytest.LogCaptureFixture
) -> None:
    collector.status = 400
    with caplog.at_level("INFO", "adapters.tracing"):
        for number in range(1, 4):
            tracer.record(an_operation(), CALLER, began=NOON, ended=NOON)
            collector.wait_for(number)
        collector.status = 200
        tracer.record(an_operation("after"), CALLER, began=NOON, ended=NOON)
        wait_until(lambda: "takes spans again; 3 were lost" in caplog.text)

    said = [record.action for record in caplog.records if record.name.startswith("adapters.")]
    assert said == ["traces_lost", "traces_back"]
    assert [span.name for span in collector.spans] == ["after"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [("OTEL_BSP_MAX_QUEUE_SIZE", "1"), ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "-1")],
)
def test_a_variable_that_cannot_be_used_is_logged_once_and_stops_nothing(
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    variable: str,
    value: str,
) -> None:
    monkeypatch.setenv(variable, value)
    tracer = OtlpTracer("task-manager-test", "1")
    tracer.start()

    with tracer.span(an_operation(), CALLER) as span:
        assert span.context == CALLER
    tracer.record(an_operation(), CALLER, began=NOON, ended=NOON)

    tracer.stop()
    assert caplog.text.count("Traces are off") == 1


def test_a_child_of_a_process_whose_spans_were_lost_sends_its_own_at_its_end(
    collector: Collector,
    tracer: Tracer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("adapters.tracing.otlp_tracer.STOP_SECONDS", 60.0)
    collector.status = 400
    tracer.record(an_operation(), CALLER, began=NOON, ended=NOON)
    wait_until(lambda: "takes no spans" in caplog.text)
    collector.status = 200

    child = os.fork()
    if child == 0:
        try:
            tracer.start()
            tracer.record(an_operation("of the child"), CALLER, began=NOON, ended=NOON)
            tracer.stop()
        finally:
            os._exit(0)

    os.waitpid(child, 0)
    assert [span.name for span in collector.spans] == ["of the child"]


def test_ids_differ_although_work_seeds_random(tracer: Tracer, seen: Seen) -> None:
    state = random.getstate()
    for _ in range(2):
        random.seed(7)
        with tracer.span(an_operation(), None):
            pass
    random.setstate(state)

    first, second = seen(2)
    assert first.span_id != second.span_id
    assert first.trace_id != second.trace_id


def test_a_stop_goes_on_without_room_for_a_thread(
    tracer: Tracer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> NoReturn:
        raise RuntimeError("can't start new thread")

    full = SimpleNamespace(Thread=lambda **_: SimpleNamespace(start=refuse))
    with monkeypatch.context() as patch:
        patch.setattr("adapters.tracing.otlp_tracer.threading", full)
        tracer.stop()


def test_what_is_passed_on_and_recorded_is_bounded(tracer: Tracer, seen: Seen) -> None:
    state = ",".join(f"v{number}={'x' * 200}" for number in range(9))
    operation = Operation(name="GET", kind=SpanKind.SERVER, attributes={"url.path": "/" * 9_000})

    with tracer.span(operation, TraceContext(CALLER.traceparent, state)) as span:
        context = span.context

    [ended] = seen(1)
    assert len(str(ended.attributes["url.path"])) == MAX_VALUE_LENGTH
    assert context is not None
    assert 0 < len(context.tracestate) <= MAX_STATE_LENGTH
