"""The traces of requests: the one that the caller names, and a span for each request."""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from flask import Flask, Response, request

from application.ports.tracer import Tracer
from application.spans import STATUS_CODE, error_of_status, request_operation
from domain.trace_context import TraceContext

UNTRACED = {"/livez", "/readyz", "/metrics"}
RESPONSE = "task_manager.response"
"""Key of the environment under which a request leaves its route and its status."""
VARIABLE = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")


def trace_requests(app: Flask, tracer: Tracer) -> None:
    """Serve each request within a span."""
    app.after_request(_keep_response)
    app.wsgi_app = TracedRequests(app.wsgi_app, tracer)  # type: ignore[method-assign]


class TracedRequests:
    """A WSGI application that serves each request within a span.

    The span ends when the response begins: streams last for hours. Probes and scrapes have none.
    """

    def __init__(self, serve: Callable[..., Iterable[bytes]], tracer: Tracer) -> None:
        self._serve = serve
        self._tracer = tracer

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path in UNTRACED:
            return self._serve(environ, start_response)
        operation = request_operation(environ["REQUEST_METHOD"], environ["wsgi.url_scheme"], path)
        with self._tracer.span(operation, _trace_of(environ)) as span:
            body = self._serve(environ, start_response)
            route, status = environ.get(RESPONSE, ("", 500))
            span.note(
                {STATUS_CODE: status, **({"http.route": route} if route else {})},
                name=f"{operation.name} {route}" if route else "",
                error=error_of_status(status, lowest=500),
            )
        return body


def caller_trace() -> TraceContext | None:
    """Return the trace that the caller of the current request names; None without a valid one."""
    environ = request.environ
    return _trace_of(environ) if "HTTP_TRACEPARENT" in environ else None


def _trace_of(environ: dict[str, Any]) -> TraceContext | None:
    return TraceContext.parse(
        environ.get("HTTP_TRACEPARENT", ""), environ.get("HTTP_TRACESTATE", "")
    )


def _keep_response(response: Response) -> Response:
    """Leave what is known of the request, which Flask drops at its end."""
    rule = request.url_rule
    request.environ[RESPONSE] = (_template(rule.rule) if rule else "", response.status_code)
    return response


@lru_cache(256)
def _template(rule: str) -> str:
    """Return a route of werkzeug in the form of OpenAPI: /tasks/{task_id}."""
    return VARIABLE.sub(r"{\1}", rule)
