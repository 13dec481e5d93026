"""Receive spans as a collector does: OTLP over HTTP, in protobuf."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from application.ports.tracer import SpanKind
from tests.fakes.tracer import SeenSpan
from tests.integration.receiver import Receiver, Request, Response
from tests.integration.waiting import wait_until


class Collector(Receiver):
    """Listens within `with`. `environment` makes a process send its spans here, soon."""

    def __init__(self, stall: Callable[[], object] = lambda: None) -> None:
        """`stall` is called before each response."""
        super().__init__(respond=self._take)
        self._stall = stall
        self.spans: list[SeenSpan] = []
        self.status = 200

    @property
    def environment(self) -> dict[str, str]:
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}

    def wait_for_spans(self, number: int, trace_id: str = "") -> Sequence[SeenSpan]:
        """Return the spans, of one trace if its id is given, once there are so many."""
        return wait_until(lambda: _enough(self.of_trace(trace_id), number))

    def wait_for_named(self, number: int, trace_id: str, name: str) -> Sequence[SeenSpan]:
        """Return the spans of a trace with this name in the order of their begin."""

        def found() -> Sequence[SeenSpan] | None:
            spans = [span for span in self.of_trace(trace_id) if span.name == name]
            return _enough(sorted(spans, key=lambda span: span.began), number)

        return wait_until(found)

    def of_trace(self, trace_id: str) -> Sequence[SeenSpan]:
        return [span for span in self.spans if trace_id in ("", span.trace_id)]

    def _take(self, request: Request) -> Response:
        assert request.path == "/v1/traces"
        if self.status == 200:
            self.spans += list(decoded(request.body))
        return Response(self.status, stall=self._stall)


def decoded(body: bytes) -> Iterator[SeenSpan]:
    for of_service in ExportTraceServiceRequest.FromString(body).resource_spans:
        service = _plain(of_service.resource.attributes)["service.name"]
        for of_scope in of_service.scope_spans:
            for span in of_scope.spans:
                yield SeenSpan(
                    name=span.name,
                    kind=SpanKind(Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower()),
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    attributes=_plain(span.attributes),
                    began=_time(span.start_time_unix_nano),
                    ended=_time(span.end_time_unix_nano),
                    is_error=span.status.code == Status.STATUS_CODE_ERROR,
                    links=[link.span_id.hex() for link in span.links],
                    events=[str(event) for event in span.events],
                    service=service,
                )


def _enough(spans: Sequence[SeenSpan], number: int) -> Sequence[SeenSpan] | None:
    return spans if len(spans) >= number else None


def _plain(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


def _time(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds / 1_000_000_000, UTC)
