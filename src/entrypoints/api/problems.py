"""Every error of the API, as problem details (RFC 9457). One table says which error is which status."""

import logging
from collections.abc import Iterator
from itertools import islice
from typing import Any

from flask import Flask, Response, g, json, request
from flask_smorest import Api
from marshmallow import Schema, fields
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from application.errors import StaleTask, StoreFull, StoreUnavailable, StoreUnsafe, TaskNotFound, VersionMismatch
from domain.errors import InvalidTaskSpec, InvalidTransition, TaskFinal, TaskNotWaiting, TaskRunning

PROBLEMS: dict[type[Exception], tuple[int, str]] = {
    TaskNotFound: (404, "task_not_found"),
    TaskNotWaiting: (409, "task_not_waiting"),
    TaskRunning: (409, "task_running"),
    TaskFinal: (409, "task_final"),
    InvalidTransition: (409, "invalid_transition"),
    StaleTask: (409, "task_busy"),
    VersionMismatch: (412, "version_mismatch"),
    StoreUnavailable: (503, "store_unavailable"),
    StoreFull: (503, "capacity"),
    StoreUnsafe: (503, "store_unsafe"),
}
HTTP_CODES = {
    400: "malformed_request",
    404: "route_not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
    422: "invalid_request",
    500: "internal_error",
}
INVALID = "The request is not valid; `errors` lists every problem."
MAX_ERRORS = 1_000
"""A body of nothing but wrong members must not be answered by one many times its size."""
RETRY_AFTER = {503: "1"}
PROBLEM_JSON = "application/problem+json"

logger = logging.getLogger(__name__)


class ProblemError(Schema):
    pointer = fields.String(metadata={"description": "JSON pointer (RFC 6901) to the member of the body."})
    parameter = fields.String(metadata={"description": "Name of the query parameter."})
    message = fields.String()


class Problem(Schema):
    """Problem details (RFC 9457)."""

    type = fields.String()
    title = fields.String()
    status = fields.Integer()
    detail = fields.String()
    instance = fields.String()
    code = fields.String(metadata={"description": "A stable word for programs."})
    request_id = fields.String()
    errors = fields.List(fields.Nested(ProblemError))


class ProblemApi(Api):  # type: ignore[misc]  # flask-smorest has no types
    """flask-smorest's Api, whose own errors are problem details, too."""

    ERROR_SCHEMA = Problem
    DEFAULT_ERROR_RESPONSE_NAME = None

    def handle_http_exception(self, error: HTTPException) -> Response:
        return http_problem(error)


def register_problems(app: Flask) -> None:
    for kind in PROBLEMS:
        app.register_error_handler(kind, _known_problem)
    app.register_error_handler(InvalidTaskSpec, _invalid_spec)
    app.register_error_handler(HTTPException, http_problem)
    app.register_error_handler(Exception, _unexpected_problem)


def http_problem(error: HTTPException) -> Response:
    """What the framework refuses; its headers (Allow, Retry-After) stay."""
    status = error.code or 500
    errors = list(islice(_validation_errors(getattr(error, "data", {}).get("messages", {})), MAX_ERRORS))
    detail = INVALID if errors else error.description
    response = problem(status, HTTP_CODES.get(status, "http_error"), detail or "", errors)
    for name, value in error.get_headers():
        if name.lower() not in {"content-type", "content-length"}:
            response.headers[name] = value
    return response


def problem(status: int, code: str, detail: str, errors: list[dict[str, str]] | None = None) -> Response:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTP_STATUS_CODES[status],
        "status": status,
        "detail": detail,
        "instance": request.path,
        "code": code,
        "request_id": g.request_id,
    }
    if errors:
        body["errors"] = errors
    response = Response(json.dumps(body), status, mimetype=PROBLEM_JSON)
    if status in RETRY_AFTER:
        response.headers["Retry-After"] = RETRY_AFTER[status]
    return response


def _known_problem(error: Exception) -> Response:
    status, code = next(PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS)
    return problem(status, code, str(error))


def _invalid_spec(error: InvalidTaskSpec) -> Response:
    """What only shows once a patch is applied to the task that it is for."""
    return problem(422, HTTP_CODES[422], INVALID, [{"pointer": f"/{error.member}", "message": error.message}])


def _unexpected_problem(error: Exception) -> Response:
    logger.error("Unexpected error", exc_info=error, extra={"action": "unexpected_error", "request_id": g.request_id})
    return problem(500, HTTP_CODES[500], "An unexpected error; the service's log has it under this request_id.")


def _validation_errors(messages: dict[str, Any]) -> Iterator[dict[str, str]]:
    for location, by_name in messages.items():
        for path, message in _flatten(by_name):
            if location == "query":
                yield {"parameter": ".".join(path), "message": message}
            else:
                yield {"pointer": "".join(f"/{_escape(part)}" for part in path), "message": message}


def _flatten(messages: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """marshmallow nests what it says by member; a dict's key and value errors are one level deeper still."""
    if not isinstance(messages, dict):
        yield from ((path, str(message)) for message in messages)
        return
    for name, inner in messages.items():
        own = name == "_schema" or (path and name in {"key", "value"} and isinstance(inner, list))
        yield from _flatten(inner, path if own else (*path, str(name)))


def _escape(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")
