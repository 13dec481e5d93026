"""The traces of requests: the one that the caller names, and a span for each request."""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from flask import request

from application.ports.tracer import Span, Tracer
from application.spans import STATUS_CODE, error_of_status, request_operation
from domain.trace_context import TraceContext

UNTRACED = {"/livez", "/readyz"}
VARIABLE = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")


class TracedRequests:
    """A WSGI application that serves each request within a span.

    The span ends when the response begins: streams last for hours. Probes have none.
    """

    def __init__(self, serve: Callable[..., Iterable[bytes]], tracer: Tracer) -> None:
        self._serve = serve
        self._tracer = tracer

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path in UNTRACED:
            return self._serve(environ, start_response)
        operation = request_operation(environ["REQUEST_METHOD"], environ["wsgi.url_scheme"], path)
        with self._tracer.span(operation, trace_of(environ)) as span:
            status = "200"  # of a stream, which writes its own head

            def start(given: str, *arguments: Any) -> Any:
                nonlocal status
                status = given
                return start_response(given, *arguments)

            body = self._serve(environ, start)
            _note_response(span, operation.name, environ, int(status[:3]))
        return body


def caller_trace() -> TraceContext | None:
    """Return the trace that the caller of the current request names; None without a valid one."""
    return trace_of(request.environ)


def trace_of(environ: dict[str, Any]) -> TraceContext | None:
    given = environ.get("HTTP_TRACEPARENT")
    return TraceContext.parse(given, environ.get("HTTP_TRACESTATE", "")) if given else None


def _note_response(span: Span, method: str, environ: dict[str, Any], status: int) -> None:
    handled = environ.get("werkzeug.request")
    rule = handled and handled.url_rule
    route = _template(rule.rule) if rule else ""
    span.note(
        {STATUS_CODE: status, **({"http.route": route} if route else {})},
        name=f"{method} {route}" if route else "",
        error=error_of_status(status, lowest=500),
    )


@lru_cache(256)
def _template(rule: str) -> str:
    """Return a route of werkzeug in the form of OpenAPI: /tasks/{task_id}."""
    return VARIABLE.sub(r"{\1}", rule)
