"""The Flask application."""

import logging
import re
import secrets
import time

from flask import Flask, Response, g, request
from werkzeug.exceptions import NotAcceptable, RequestHeaderFieldsTooLarge
from werkzeug.routing import BaseConverter

from entrypoints.api import bulk, events, overview, pages, probes, tasks
from entrypoints.api.arguments import limit_body
from entrypoints.api.blueprints import use_cases
from entrypoints.api.capacity import LEAST_DESCRIPTORS, BatchLine, Capacity, LongAnswers
from entrypoints.api.events import EVENT_STREAM
from entrypoints.api.origins import protect_from_pages
from entrypoints.api.problems import PROBLEM_JSON, ProblemApi, register_problems
from entrypoints.api.specification import OPTIONS, SpecificationPlugin, specification
from entrypoints.container import Container

VERSION = "0.1.0"
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
LARGE_BODIES = {"bulk.Batch", "bulk.Actions"}
LONGEST_HEADER = 8_190
"""Limit on the characters of all headers of one name: gunicorn joins up to 100 of them."""
PAGES = "pages"
SELDOM_LOGGED = {"probes.Livez", "probes.Readyz"}


access = logging.getLogger("access")


class TaskSegment(BaseConverter):
    """The id of a task in a path, in any spelling; but for the names of other resources."""

    regex = r"(?!(?:batch|actions)$)[^/]+"
    part_isolating = True


def create_app(container: Container, capacity: Capacity | None = None) -> Flask:
    """Build the application. Without a capacity it holds as many streams as under the lowest limit on open files."""
    app = Flask("task-manager", static_folder=None)
    app.config.update(
        API_TITLE="Task Manager API",
        API_VERSION=VERSION,
        OPENAPI_VERSION="3.1.0",
        API_SPEC_OPTIONS=OPTIONS,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False  # a redirect to the merged path would be absolute, with the Host that was sent
    app.url_map.converters["task"] = TaskSegment
    app.extensions["container"] = container
    app.extensions["long_answers"] = LongAnswers.within(capacity or Capacity.of(LEAST_DESCRIPTORS))
    app.extensions["batch_line"] = BatchLine()
    app.before_request(_begin)
    protect_from_pages(app, container.settings())
    app.before_request(_require_acceptable)
    app.after_request(_finish)
    register_problems(app)
    api = ProblemApi(app, spec_kwargs={"marshmallow_plugin": SpecificationPlugin()})
    for blueprint in (tasks.blueprint, bulk.blueprint, events.blueprint, overview.blueprint, probes.blueprint):
        api.register_blueprint(blueprint)
    app.register_blueprint(pages.blueprint)
    app.extensions["specification"] = specification(api)
    return app


def _begin() -> None:
    g.began = time.perf_counter()
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(16)
    for name, value in request.headers.items():
        if len(value) > LONGEST_HEADER:
            raise RequestHeaderFieldsTooLarge(f"The header {name} has more than {LONGEST_HEADER:,} bytes in all.")
    settings = use_cases().settings()
    limit_body(settings.max_batch_bytes if request.endpoint in LARGE_BODIES else settings.max_body_bytes)


def _require_acceptable() -> None:
    """A page has the media type that it has; of everything else there is one."""
    if request.blueprint == PAGES or not request.accept_mimetypes:
        return
    offered = [EVENT_STREAM] if request.blueprint == events.blueprint.name else ["application/json", PROBLEM_JSON]
    if not request.accept_mimetypes.best_match(offered):
        raise NotAcceptable(f"The Accept header leaves nothing: the answer is {' or '.join(offered)}.")


def _finish(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.request_id
    response.headers["X-Content-Type-Options"] = "nosniff"
    if request.path.startswith("/tasks"):
        response.headers["Cache-Control"] = "no-store"
    level = logging.DEBUG if request.endpoint in SELDOM_LOGGED else logging.INFO
    if access.isEnabledFor(level):
        milliseconds = round((time.perf_counter() - g.began) * 1000, 1)
        task_id = g.get("task_id") or (request.view_args or {}).get("task_id")
        access.log(
            level,
            "%s %s",
            request.method,
            request.path,
            extra={
                "action": "request",
                "status": response.status_code,
                "duration_ms": milliseconds,
                "request_id": g.request_id,
                **({"task_id": task_id} if task_id else {}),
            },
        )
    return response
