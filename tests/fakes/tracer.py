"""A Tracer that remembers its spans."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from application.ports.tracer import Attributes, Operation, Span, SpanKind, Tracer
from domain.trace_context import TraceContext
from tests.fakes.clock import FakeClock


@dataclass
class SeenSpan:
    """A span that has ended."""

    name: str
    kind: SpanKind
    trace_id: str
    span_id: str
    parent_id: str
    """Empty for the first span of a trace."""
    attributes: dict[str, str | int]
    began: datetime
    ended: datetime
    is_error: bool = False
    links: list[str] = field(default_factory=list)
    """The ids of the spans to which it links."""
    events: list[str] = field(default_factory=list)
    """What else was recorded, as text."""
    service: str = ""
    """The name of the process that recorded it, where that is known."""


class FakeTracer(Tracer):
    """It records every span of a sampled trace, like a tracer that samples as its callers do."""

    is_on = True

    def __init__(self, clock: FakeClock) -> None:
        self.spans: list[SeenSpan] = []
        self._clock = clock
        self._current: TraceContext | None = None
        self._number = 0

    def start(self) -> None:
        """Do nothing."""

    @contextmanager
    def span(
        self,
        operation: Operation,
        parent: TraceContext | None,
        *,
        link: TraceContext | None = None,
    ) -> Iterator[Span]:
        outer, parent = self._current, self._current or parent
        span = self._begin(operation, parent, self._clock.now())
        span.links = [link.span_id] if link else []
        self._current = _context(span, parent)
        try:
            yield _FakeSpan(span, self._current)
        except BaseException as error:
            span.is_error = True
            span.attributes["error.type"] = type(error).__qualname__
            raise
        finally:
            self._current = outer
            self._end(span, parent, self._clock.now())

    def record(
        self,
        operation: Operation,
        parent: TraceContext,
        *,
        began: datetime,
        ended: datetime,
        error: str = "",
    ) -> None:
        span = self._begin(operation, parent, began)
        if error:
            span.is_error = True
            span.attributes["error.type"] = error
        self._end(span, parent, ended)

    def stop(self) -> None:
        """Do nothing."""

    def _begin(
        self, operation: Operation, parent: TraceContext | None, began: datetime
    ) -> SeenSpan:
        self._number += 1
        return SeenSpan(
            name=operation.name,
            kind=operation.kind,
            trace_id=parent.trace_id if parent else f"{self._number:032x}",
            span_id=f"{self._number:016x}",
            parent_id=parent.span_id if parent else "",
            attributes=dict(operation.attributes),
            began=began,
            ended=began,
        )

    def _end(self, span: SeenSpan, parent: TraceContext | None, ended: datetime) -> None:
        span.ended = ended
        if parent is None or parent.is_sampled:
            self.spans.append(span)


class _FakeSpan(Span):
    def __init__(self, span: SeenSpan, context: TraceContext) -> None:
        self._span = span
        self._context = context

    @property
    def context(self) -> TraceContext | None:
        return self._context

    def note(self, attributes: Attributes, *, name: str = "", error: str = "") -> None:
        self._span.attributes |= attributes
        self._span.name = name or self._span.name
        if error:
            self._span.is_error = True
            self._span.attributes["error.type"] = error


def _context(span: SeenSpan, parent: TraceContext | None) -> TraceContext:
    if parent and not parent.is_sampled:
        return parent
    state = parent.tracestate if parent else ""
    return TraceContext(f"00-{span.trace_id}-{span.span_id}-01", state)
