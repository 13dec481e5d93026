"""The Flask application."""

import logging
import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from flask import Flask, Request, Response, g, request
from werkzeug.exceptions import NotAcceptable, RequestHeaderFieldsTooLarge
from werkzeug.routing import BaseConverter

from domain.schedule_spec import RESERVED_NAMES
from entrypoints.api.access.actor import note_actors
from entrypoints.api.access.gate import require_keys
from entrypoints.api.access.needed import NEEDED
from entrypoints.api.access.rate_limits import limit_rates
from entrypoints.api.compression import compress_responses
from entrypoints.api.concurrency.batch_line import BatchLine, BatchPace
from entrypoints.api.concurrency.capacity import MIN_DESCRIPTORS, Capacity, LongResponses
from entrypoints.api.concurrency.work_line import WorkLines
from entrypoints.api.origins import protect_from_pages
from entrypoints.api.problems.handlers import ProblemApi, register_problems
from entrypoints.api.problems.responses import PROBLEM_JSON
from entrypoints.api.reading.arguments import limit_body
from entrypoints.api.reading.client import trust_proxies
from entrypoints.api.resources import dashboard, pages
from entrypoints.api.resources.blueprints import BLUEPRINTS, events, metrics
from entrypoints.api.resources.events import EVENT_STREAM
from entrypoints.api.specification import OPTIONS, SpecificationPlugin, specification
from entrypoints.api.task_texts import TaskTexts
from entrypoints.api.traced_requests import caller_trace, trace_requests
from entrypoints.api.traffic import Traffic, traffic_of
from entrypoints.api.use_cases import use_cases
from entrypoints.container import Container

VERSION = "0.1.0"
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
LARGE_BODIES = {"bulk.Batch", "bulk.Actions"}
NEGOTIATE_THEMSELVES = {pages.blueprint.name, dashboard.blueprint.name, metrics.name}
MAX_HEADER_BYTES = 8_190
"""Limit on all headers of one name together: gunicorn joins up to 100 of them."""
HEADER_KEYS = ("HTTP_", "CONTENT_TYPE")
"""Beginnings of the keys under which WSGI (PEP 3333) has the headers of a request."""
LOGGED_AS_DEBUG = {"probes.Livez", "probes.Readyz", "metrics.Metrics"}

access = logging.getLogger("access")


def segment_except(names: Iterable[str]) -> type[BaseConverter]:
    """Return a converter of any one part of a path, except the names of other resources."""

    class Segment(BaseConverter):
        regex = rf"(?!(?:{'|'.join(names)})$)[^/]+"
        part_isolating = True

    return Segment


class SyncFlask(Flask):
    """A Flask application that does not ask at each call whether the function is async.

    None is. Flask asks about twenty times in each request.
    """

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func


def create_app(
    container: Container, capacity: Capacity | None = None, batch_pace: BatchPace | None = None
) -> Flask:
    """Build the application. The default capacity is that of the lowest limit on open files.

    `batch_pace` is shared with the other processes of the server; by default there are none.
    """
    app = SyncFlask("task-manager", static_folder=None)
    app.config.update(
        API_TITLE="Task Manager API",
        API_VERSION=VERSION,
        OPENAPI_VERSION="3.1.0",
        API_SPEC_OPTIONS=OPTIONS,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False  # a redirect would repeat the Host that was sent
    app.url_map.converters["task"] = segment_except(("batch", "actions", "counts"))
    app.url_map.converters["schedule"] = segment_except(sorted(RESERVED_NAMES))
    app.extensions["container"] = container
    capacity = capacity or Capacity.of(MIN_DESCRIPTORS)
    app.extensions["long_responses"] = LongResponses.within(capacity)
    app.extensions["work_lines"] = WorkLines.within(capacity)
    app.extensions["task_texts"] = TaskTexts(container.task_cache_bytes())
    app.extensions["batch_line"] = BatchLine(batch_pace)
    if (tracer := container.tracer()).is_on:
        trace_requests(app, tracer)
    app.before_request(_begin)
    trust_proxies(app, container.settings().http_trusted_proxies)
    protect_from_pages(app, container.settings())
    if container.tells_callers_apart():
        require_keys(app, container)
    note_actors(app)
    app.before_request(_require_acceptable)
    app.after_request(partial(_finish, app.extensions))
    compress_responses(app)
    limit_rates(app, container)
    register_problems(app)
    api = ProblemApi(app, spec_kwargs={"marshmallow_plugin": SpecificationPlugin()})
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint)
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(dashboard.blueprint)
    app.extensions["specification"] = specification(api)
    app.extensions["traffic"] = counters = traffic_of(app)
    container.note_position.override(counters.note_position)
    return app


def _begin() -> None:
    g.began = time.perf_counter()
    environ = request.environ
    given = environ.get("HTTP_X_REQUEST_ID", "")
    g.request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(16)
    for key, value in environ.items():
        if key.startswith(HEADER_KEYS) and len(value) > MAX_HEADER_BYTES:
            name = key.removeprefix("HTTP_").replace("_", "-").title()
            raise RequestHeaderFieldsTooLarge(
                f"The header {name} has more than {MAX_HEADER_BYTES:,} bytes in all."
            )
    settings = use_cases().settings()
    limit_body(
        settings.max_batch_bytes if request.endpoint in LARGE_BODIES else settings.max_body_bytes
    )


def _require_acceptable() -> None:
    """Raise NotAcceptable when Accept excludes the media types of a resource.

    Pages are exempt, and metrics have formats of their own.

    Runs of blanks are shortened first: werkzeug looks for a semicolon behind each blank of one.
    """
    given = request.environ.get("HTTP_ACCEPT", "")
    if request.blueprint in NEGOTIATE_THEMSELVES or not given:
        return
    request.environ["HTTP_ACCEPT"] = " ".join(given.split())
    if not request.accept_mimetypes:
        return
    offered = (
        [EVENT_STREAM] if request.blueprint == events.name else ["application/json", PROBLEM_JSON]
    )
    if not request.accept_mimetypes.best_match(offered):
        raise NotAcceptable(
            f"The Accept header excludes every response: available is {' or '.join(offered)}."
        )


def _finish(extensions: Mapping[str, Any], response: Response) -> Response:
    this: Request = request._get_current_object()  # type: ignore[attr-defined]  # what it stands for
    response.headers["X-Request-ID"] = g.request_id
    response.headers["X-Content-Type-Options"] = "nosniff"
    if this.endpoint in NEEDED or this.path.startswith("/tasks"):
        response.headers["Cache-Control"] = "no-store"
    endpoint, status = this.endpoint, response.status_code
    seconds = time.perf_counter() - g.began
    counters: Traffic = extensions["traffic"]
    counters.count(endpoint, this.method, status, seconds)
    if status >= 400 and "problem" in g:
        counters.count_problem(g.problem)
    level = logging.DEBUG if endpoint in LOGGED_AS_DEBUG else logging.INFO
    if access.isEnabledFor(level):
        _log_request(level, status, seconds)
    return response


def _log_request(level: int, status: int, seconds: float) -> None:
    task_id = g.get("task_id") or (request.view_args or {}).get("task_id")
    key_id, trace = g.get("key_id"), caller_trace()
    access.log(
        level,
        "%s %s",
        request.method,
        request.path,
        extra={
            "action": "request",
            "status": status,
            "duration_ms": round(seconds * 1000, 1),
            "request_id": g.request_id,
            **({"task_id": task_id} if task_id else {}),
            **({"key_id": key_id} if key_id else {}),
            **({"trace_id": trace.trace_id} if trace else {}),
        },
    )
