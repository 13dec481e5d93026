"""Hold each Tracer to its port."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from application.ports.tracer import Operation, SpanKind, Tracer
from domain.trace_context import TraceContext
from tests.building import NOON
from tests.fakes.tracer import SeenSpan

CALLER = TraceContext(f"00-{'a' * 32}-{'b' * 16}-01", "vendor=1")
UNSAMPLED = TraceContext(f"00-{'a' * 32}-{'b' * 16}-00", "vendor=1")
Seen = Callable[[int], Sequence[SeenSpan]]
"""Returns the spans that have ended, once there are so many."""


def an_operation(name: str = "run default", kind: SpanKind = SpanKind.CONSUMER) -> Operation:
    return Operation(name=name, kind=kind, attributes={"messaging.message.id": "1"})


class TracerContract:
    def test_a_span_continues_the_trace_of_its_caller(self, tracer: Tracer, seen: Seen) -> None:
        with tracer.span(an_operation(), CALLER) as span:
            context = span.context

        [ended] = seen(1)
        assert (ended.name, ended.kind) == ("run default", SpanKind.CONSUMER)
        assert (ended.trace_id, ended.parent_id) == (CALLER.trace_id, CALLER.span_id)
        assert ended.attributes == {"messaging.message.id": "1"}
        assert context == TraceContext(f"00-{CALLER.trace_id}-{ended.span_id}-01", "vendor=1")
        assert (ended.is_error, ended.links) == (False, [])
        assert ended.began <= ended.ended

    @pytest.mark.parametrize("kind", SpanKind)
    def test_each_kind_is_kept(self, tracer: Tracer, seen: Seen, kind: SpanKind) -> None:
        with tracer.span(an_operation(kind=kind), None):
            pass

        assert [span.kind for span in seen(1)] == [kind]

    def test_a_span_within_another_is_its_child(self, tracer: Tracer, seen: Seen) -> None:
        with tracer.span(an_operation("outer"), CALLER):
            with tracer.span(an_operation("inner"), UNSAMPLED):
                pass
            with tracer.span(an_operation("next"), None):
                pass

        inner, following, outer = seen(3)
        assert (inner.name, following.name, outer.name) == ("inner", "next", "outer")
        assert inner.parent_id == following.parent_id == outer.span_id
        assert inner.trace_id == following.trace_id == CALLER.trace_id

    def test_a_span_without_a_parent_begins_a_trace(self, tracer: Tracer, seen: Seen) -> None:
        with tracer.span(an_operation(), None) as span:
            context = span.context

        [ended] = seen(1)
        assert context is not None
        assert (ended.parent_id, ended.trace_id) == ("", context.trace_id)
        assert context.is_sampled

    def test_what_the_caller_does_not_record_is_not_recorded_and_passed_on_unchanged(
        self, tracer: Tracer, seen: Seen
    ) -> None:
        with tracer.span(an_operation(), UNSAMPLED) as span:
            assert span.context == UNSAMPLED
        with tracer.span(an_operation("recorded"), CALLER):
            pass

        assert [span.name for span in seen(1)] == ["recorded"]

    def test_an_error_marks_the_span_with_its_class_and_not_with_its_message(
        self, tracer: Tracer, seen: Seen
    ) -> None:
        with pytest.raises(ValueError, match="secret"), tracer.span(an_operation(), CALLER):
            raise ValueError("secret")

        [ended] = seen(1)
        assert (ended.is_error, ended.attributes["error.type"]) == (True, "ValueError")
        assert "secret" not in repr(ended)

    def test_what_is_known_at_the_end_is_noted(self, tracer: Tracer, seen: Seen) -> None:
        with tracer.span(an_operation(), CALLER) as span:
            span.note({"http.response.status_code": 503}, name="GET /tasks", error="503")

        [ended] = seen(1)
        assert (ended.name, ended.is_error) == ("GET /tasks", True)
        assert ended.attributes == {
            "messaging.message.id": "1",
            "http.response.status_code": 503,
            "error.type": "503",
        }

    def test_a_span_links_to_another(self, tracer: Tracer, seen: Seen) -> None:
        with tracer.span(an_operation(), None, link=CALLER):
            pass

        assert [span.links for span in seen(1)] == [[CALLER.span_id]]

    def test_a_span_that_is_over_is_recorded(self, tracer: Tracer, seen: Seen) -> None:
        ended_at = NOON + timedelta(seconds=1.5)

        tracer.record(an_operation("wait default"), CALLER, began=NOON, ended=ended_at)
        tracer.record(an_operation(), CALLER, began=NOON, ended=NOON, error="worker_lost")
        tracer.record(an_operation(), UNSAMPLED, began=NOON, ended=NOON)

        waited, lost = seen(2)
        assert (waited.name, waited.began, waited.ended) == ("wait default", NOON, ended_at)
        assert (waited.trace_id, waited.parent_id) == (CALLER.trace_id, CALLER.span_id)
        assert (waited.is_error, lost.is_error) == (False, True)
        assert lost.attributes["error.type"] == "worker_lost"
