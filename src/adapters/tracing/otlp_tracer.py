"""Send spans to a collector with the SDK of OpenTelemetry, which reads the OTEL_ variables.

Nothing starts before `start`, which is called after the fork: a thread does not survive one. The
SDK starts its thread anew in a copy of a process in which it ran.
"""

import logging
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from opentelemetry import trace as api
from opentelemetry.context import Context
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    StatusCode,
    TraceFlags,
    TraceState,
)

from adapters.tracing.quiet_exporter import QuietExporter
from application.ports.tracer import Attributes, Operation, Span, SpanKind, Tracer
from domain.trace_context import SAMPLED, TraceContext, bounded_state

STOP_SECONDS = 2.0
MAX_VALUE_LENGTH = 256
"""Characters of an attribute."""
KINDS = {kind: api.SpanKind[kind.name] for kind in SpanKind}

logger = logging.getLogger(__name__)


class OtlpTracer(Tracer):
    """Makes spans of the SDK, so that the code of handlers sees the current one."""

    is_on = True

    def __init__(self, service: str, version: str) -> None:
        """`service` is the name of this process, unless OTEL_SERVICE_NAME has another one."""
        own = Resource.create({"service.name": service, "service.version": version})
        self._resource = own.merge(OTELResourceDetector().detect())
        self._exporter = QuietExporter()
        self._has_started = False
        self._provider: TracerProvider | None = None
        self._tracer: api.Tracer = api.NoOpTracer()

    def start(self) -> None:
        try:
            self._exporter.begin()  # now: the code of a task may change the environment
            if not self._has_started:  # it may have in the parent of this process
                self._has_started = True
                self._begin()
        except Exception:  # a variable with a number that the SDK refuses, or no room for a thread
            logger.exception("Traces are off", extra={"action": "traces_off"})
        show_trace_ids()

    def _begin(self) -> None:
        self._provider = TracerProvider(
            resource=self._resource, id_generator=_SystemIds(), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("task_manager")
        api.set_tracer_provider(self._provider)

    @contextmanager
    def span(
        self,
        operation: Operation,
        parent: TraceContext | None,
        *,
        link: TraceContext | None = None,
    ) -> Iterator[Span]:
        with self._tracer.start_as_current_span(
            operation.name,
            context=_parent_context(parent),
            kind=KINDS[operation.kind],
            attributes=_bounded(operation.attributes),
            links=[Link(_span_context(link))] if link else None,
            record_exception=False,  # messages of errors may hold payloads
            set_status_on_exception=False,
        ) as current:
            span = _SdkSpan(current, parent)
            try:
                yield span
            except BaseException as error:
                span.note({}, error=type(error).__qualname__)
                raise

    def record(
        self,
        operation: Operation,
        parent: TraceContext,
        *,
        began: datetime,
        ended: datetime,
        error: str = "",
    ) -> None:
        if not self._has_started:  # the parent of a worker starts with its first lost run
            self.start()
        span = self._tracer.start_span(
            operation.name,
            context=_remote(parent),
            kind=KINDS[operation.kind],
            attributes=_bounded(operation.attributes),
            start_time=_nanoseconds(began),
        )
        if error:
            _SdkSpan(span, parent).note({}, error=error)
        span.end(_nanoseconds(max(began, ended)))

    def stop(self) -> None:
        """Send what waits, unless the collector has just failed: it will not take this either."""
        if self._provider is None or self._exporter.is_failing:
            return
        ending = threading.Thread(target=self._provider.shutdown, name="traces-end", daemon=True)
        try:
            ending.start()
        except RuntimeError:  # no room for a thread; the stop goes on without these spans
            return
        ending.join(STOP_SECONDS)


class _SystemIds(IdGenerator):
    """Random ids that do not repeat when the code of a task seeds the module random."""

    def generate_span_id(self) -> int:
        return secrets.randbits(64) or 1

    def generate_trace_id(self) -> int:
        return secrets.randbits(128) or 1

    def is_trace_id_random(self) -> bool:
        return True


class _SdkSpan(Span):
    def __init__(self, span: api.Span, parent: TraceContext | None) -> None:
        self._span = span
        self._parent = parent

    @property
    def context(self) -> TraceContext | None:
        context = self._span.get_span_context()
        if not context.is_valid or not context.trace_flags.sampled:
            return self._parent
        return TraceContext(
            f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}",
            bounded_state(context.trace_state.to_header()),
        )

    def note(self, attributes: Attributes, *, name: str = "", error: str = "") -> None:
        self._span.set_attributes(_bounded(attributes))
        if name:
            self._span.update_name(name)
        if error:
            self._span.set_attribute("error.type", error[:MAX_VALUE_LENGTH])
            self._span.set_status(StatusCode.ERROR)


class _TraceIds(logging.Filter):
    """Adds the trace of the current span to log lines, unless they name one themselves.

    A greenlet may outlive the span in which it was started, which is no span of its own then.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        span = api.get_current_span()
        if span.is_recording() and not hasattr(record, "trace_id"):
            record.trace_id = f"{span.get_span_context().trace_id:032x}"
        return True


def show_trace_ids() -> None:
    """Let the log lines of this process have the trace of the current span."""
    for handler in logging.getLogger().handlers:
        if not any(isinstance(each, _TraceIds) for each in handler.filters):
            handler.addFilter(_TraceIds())


def _parent_context(parent: TraceContext | None) -> Context | None:
    """Return the parent as a context; None for the current span."""
    if parent is None or api.get_current_span().get_span_context().is_valid:
        return None
    return _remote(parent)


def _remote(trace: TraceContext) -> Context:
    return api.set_span_in_context(NonRecordingSpan(_span_context(trace)))


def _span_context(trace: TraceContext) -> SpanContext:
    return SpanContext(
        int(trace.trace_id, 16),
        int(trace.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(trace.flags & (SAMPLED | TraceFlags.RANDOM_TRACE_ID)),
        trace_state=TraceState.from_header([trace.tracestate]) if trace.tracestate else None,
    )


def _bounded(attributes: Attributes) -> Attributes:
    return {
        name: value[:MAX_VALUE_LENGTH] if isinstance(value, str) else value
        for name, value in attributes.items()
    }


def _nanoseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1_000_000) * 1_000
