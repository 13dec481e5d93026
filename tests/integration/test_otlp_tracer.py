"""The tracer of OpenTelemetry, with a real collector."""

from collections.abc import Iterator

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


def test_a_variable_that_cannot_be_used_stops_nothing(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "1")
    tracer = OtlpTracer("task-manager-test", "1")
    tracer.start()

    with tracer.span(an_operation(), CALLER) as span:
        assert span.context == CALLER

    tracer.stop()
    assert "Traces are off" in caplog.text


def test_what_is_passed_on_and_recorded_is_bounded(tracer: Tracer, seen: Seen) -> None:
    state = ",".join(f"v{number}={'x' * 200}" for number in range(9))
    operation = Operation(name="GET", kind=SpanKind.SERVER, attributes={"url.path": "/" * 9_000})

    with tracer.span(operation, TraceContext(CALLER.traceparent, state)) as span:
        context = span.context

    [ended] = seen(1)
    assert len(str(ended.attributes["url.path"])) == MAX_VALUE_LENGTH
    assert context is not None
    assert 0 < len(context.tracestate) <= MAX_STATE_LENGTH
