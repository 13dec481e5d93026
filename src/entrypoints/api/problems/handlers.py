"""Flask's error handlers: each error becomes problem details."""

import logging
from collections.abc import Iterator

from flask import Flask, Response, g
from flask_smorest import Api
from werkzeug.exceptions import HTTPException

from application.errors import BatchExceedsLimit, InvalidBatch, TooManyLabels
from application.ports.rate_limits import RateLimitExceeded, whole_seconds
from domain.access import InvalidAccessKey
from domain.errors import InvalidTaskSpec
from domain.schedule_spec import InvalidSchedule
from entrypoints.api.problems.catalogue import PROBLEM_TYPES
from entrypoints.api.problems.codes import CODES, code_of_error, code_of_status
from entrypoints.api.problems.details import detail_of, violations_of
from entrypoints.api.problems.responses import INVALID, problem_response
from entrypoints.api.problems.schema import Problem
from entrypoints.api.problems.violations import errors_of

logger = logging.getLogger(__name__)


class ProblemApi(Api):  # type: ignore[misc]  # flask-smorest has no types
    """An Api of flask-smorest whose own errors are problem details, too."""

    ERROR_SCHEMA = Problem
    DEFAULT_ERROR_RESPONSE_NAME = None

    def handle_http_exception(self, error: HTTPException) -> Response:
        return _http_problem(error)


def register_problems(app: Flask) -> None:
    for kind in CODES:
        app.register_error_handler(kind, _known_problem)
    app.register_error_handler(InvalidTaskSpec, _invalid_spec)
    app.register_error_handler(InvalidAccessKey, _invalid_members)
    app.register_error_handler(InvalidSchedule, _invalid_members)
    app.register_error_handler(InvalidBatch, _invalid_batch)
    app.register_error_handler(TooManyLabels, _invalid_tasks)
    app.register_error_handler(BatchExceedsLimit, _invalid_tasks)
    app.register_error_handler(RateLimitExceeded, _rate_limited)
    app.register_error_handler(HTTPException, _http_problem)
    app.register_error_handler(Exception, _unexpected_problem)


def _http_problem(error: HTTPException) -> Response:
    """Respond to an error of the framework. Keep its headers (Allow, Retry-After)."""
    code = code_of_status(error.code or 500)
    errors = errors_of(getattr(error, "data", {}).get("messages", {}))
    detail = error.description or PROBLEM_TYPES[code].title
    response = problem_response(code, detail, errors, status=error.code)
    for name, value in error.get_headers():
        if name.lower() not in {"content-type", "content-length"}:
            response.headers[name] = value
    return response


def _known_problem(error: Exception) -> Response:
    return problem_response(code_of_error(error), detail_of(error))


def _invalid_spec(error: InvalidTaskSpec) -> Response:
    """Respond to a task that is invalid beside the stored one, or in this installation."""
    return problem_response("invalid_request", INVALID, _errors_of_task(error))


def _invalid_members(error: InvalidAccessKey | InvalidSchedule) -> Response:
    errors = ({"pointer": f"/{pointer}", "message": text} for pointer, text in error.violations)
    return problem_response("invalid_request", INVALID, errors)


def _invalid_batch(batch: InvalidBatch) -> Response:
    errors = (
        each
        for place, error in batch.errors.items()
        for each in _errors_of_task(error, f"/tasks/{place}")
    )
    return problem_response("invalid_request", INVALID, errors)


def _rate_limited(error: RateLimitExceeded) -> Response:
    return problem_response("rate_limited", str(error), retry_after=whole_seconds(error.wait))


def _invalid_tasks(error: TooManyLabels | BatchExceedsLimit) -> Response:
    errors = [{"pointer": "/tasks", "message": str(error)}]
    return problem_response("invalid_request", INVALID, errors)


def _errors_of_task(error: InvalidTaskSpec, task: str = "") -> Iterator[dict[str, str]]:
    """Yield the errors of one task. `task` is the JSON pointer to it in the body."""
    for pointer, message in violations_of(error):
        yield {"pointer": f"{task}/{pointer}", "message": message}


def _unexpected_problem(error: Exception) -> Response:
    logger.error(
        "Unexpected error",
        exc_info=error,
        extra={"action": "unexpected_error", "request_id": g.request_id},
    )
    detail = "An unexpected error. The service's log describes it under this request_id."
    return problem_response("internal_error", detail)
