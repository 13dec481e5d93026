"""Traces: the fake keeps the contract of the port, and a service without traces passes them on."""

import pytest

from adapters.tracing.untraced import Untraced
from domain.trace_context import TraceContext
from tests.contracts.tracer import CALLER, Seen, TracerContract, an_operation
from tests.fakes.clock import FakeClock
from tests.fakes.tracer import FakeTracer


class TestFakeTracer(TracerContract):
    @pytest.fixture
    def tracer(self, clock: FakeClock) -> FakeTracer:
        return FakeTracer(clock)

    @pytest.fixture
    def seen(self, tracer: FakeTracer) -> Seen:
        return lambda number: tracer.spans


@pytest.mark.parametrize("parent", [CALLER, None])
def test_without_traces_the_context_of_the_caller_is_passed_on(parent: TraceContext | None) -> None:
    tracer = Untraced()

    with tracer.span(an_operation(), parent, link=CALLER) as span:
        span.note({"a": 1}, name="b", error="c")
        assert span.context is parent
