"""The Flask application."""

import re
import secrets

from flask import Flask, Response, g, redirect, request
from werkzeug.wrappers import Response as WerkzeugResponse

from entrypoints.api import probes, tasks
from entrypoints.api.problems import ProblemApi, register_problems
from entrypoints.container import Container

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


def create_app(container: Container) -> Flask:
    app = Flask("task-manager", static_folder=None)
    app.config.update(
        API_TITLE="Task Manager API",
        API_VERSION="0.1.0",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
        MAX_CONTENT_LENGTH=container.settings().max_body_bytes + 1,  # see arguments.py
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it
    app.url_map.strict_slashes = False
    app.extensions["container"] = container
    app.before_request(_name_request)
    app.after_request(_add_headers)
    register_problems(app)
    ProblemApi(app).register_blueprint(tasks.blueprint)
    app.register_blueprint(probes.blueprint)
    app.add_url_rule("/", view_func=_index, endpoint="index")
    return app


def _index() -> WerkzeugResponse:
    return redirect("/openapi.json")


def _name_request() -> None:
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(16)


def _add_headers(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.request_id
    response.headers["X-Content-Type-Options"] = "nosniff"
    if request.path.startswith("/tasks"):
        response.headers["Cache-Control"] = "no-store"
    return response
