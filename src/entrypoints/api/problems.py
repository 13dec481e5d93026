"""Every error of the API, as problem details (RFC 9457). One table says what each means."""

import json
import logging
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, repeat
from typing import Any, Self

from flask import Flask, Response, g, request
from flask_smorest import Api
from marshmallow import Schema, fields, validate
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from application.errors import (
    DeliveryNotFound,
    IdempotencyKeyReused,
    InvalidBatch,
    QueueInUse,
    QueueNotFound,
    StaleTask,
    StoreFull,
    StoreUnavailable,
    StoreUnsafe,
    TaskNotFound,
    VersionMismatch,
)
from domain.errors import InvalidTaskSpec, InvalidTransition, TaskFinal, TaskNotRetryable, TaskNotWaiting, TaskRunning
from entrypoints.api.capacity import MOST_BATCHES_WAITING, Overloaded, TooManyStreams
from entrypoints.api.cooperation import paced
from entrypoints.api.origins import CrossSiteRequest, HostNotAllowed
from entrypoints.api.wording import detail_of, violations_of


@dataclass(frozen=True)
class ProblemType:
    """One kind of error: docs/problems.md is written from these."""

    status: int
    title: str
    advice: str
    """What to do about it."""


PROBLEM_TYPES = {
    "malformed_request": ProblemType(
        400,
        "The request cannot be read",
        "The body is not JSON (NaN, Infinity, doubled members and more than 32 levels count as that), has more than "
        "60,000 list elements and object members or a number of more than 309 digits, was cut off, or a header is "
        "malformed. `detail` says which. Send it again in the right form.",
    ),
    "cross_site_request": ProblemType(
        403,
        "A web page of another origin may not write",
        "The request has `Sec-Fetch-Site: cross-site`, or an `Origin` that is not this service's own. Programs send "
        "neither. TASKS_HTTP_ALLOWED_HOSTS can name the host of a page that may write, such as the public name of a "
        "proxy that changes `Host`; a page of another site may not in any case.",
    ),
    "task_not_found": ProblemType(
        404,
        "There is no such task",
        "The id was never given out, or the task was deleted or its retention is over. Ids are UUIDs in lower case; "
        "any other spelling is not found either.",
    ),
    "delivery_not_found": ProblemType(
        404,
        "The task has no such delivery",
        "`GET /tasks/<id>/deliveries` lists them. A message can be sent again for eight days after its last try.",
    ),
    "queue_not_found": ProblemType(
        404,
        "There is no such queue",
        "A queue exists while a task names it, a worker serves it or it is paused. GET /queues lists them.",
    ),
    "route_not_found": ProblemType(404, "There is nothing at this path", "GET /openapi.json lists every path."),
    "method_not_allowed": ProblemType(
        405, "The path has no such method", "The header `Allow` lists those that it has."
    ),
    "not_acceptable": ProblemType(
        406,
        "No answer in a wanted media type",
        "Change the header `Accept`, or leave it out. `detail` names what there is.",
    ),
    "request_timeout": ProblemType(
        408,
        "The body came too slowly",
        "It must arrive within TASKS_HTTP_BODY_SECONDS, and one second more for each 64 KiB. The connection is closed; "
        "nothing was done. Send the request again.",
    ),
    "queue_in_use": ProblemType(
        409,
        "The queue is in use",
        "Only a queue that no task names, final ones included, and that no living worker serves can be removed. "
        "`detail` says which of both it is.",
    ),
    "task_not_waiting": ProblemType(
        409,
        "The task no longer waits",
        "What a task does can be changed only while it is SCHEDULED or QUEUED; task_name and labels always.",
    ),
    "task_running": ProblemType(
        409, "The task runs", "Cancel it and wait until it is final, or delete it with `?cancel=true`."
    ),
    "task_final": ProblemType(409, "The task is final", "There is nothing left to cancel."),
    "task_not_retryable": ProblemType(
        409, "The task cannot be retried", "Only FAILED, CANCELLED and EXPIRED tasks can; submit a new one instead."
    ),
    "invalid_transition": ProblemType(
        409, "The state of the task does not allow this", "Read the task, and decide by its status."
    ),
    "task_busy": ProblemType(409, "Others change the task at this moment", "Try again."),
    "version_mismatch": ProblemType(
        412,
        "The task has another version",
        "It was changed since you read it. Read it again, and repeat the change if it "
        "still fits, with the new ETag in If-Match.",
    ),
    "body_too_large": ProblemType(
        413,
        "The body is too large",
        "`detail` names the limit, which TASKS_MAX_BODY_BYTES sets; for batches and actions TASKS_MAX_BATCH_BYTES.",
    ),
    "uri_too_long": ProblemType(414, "The URL is too long", "Its line may have 8,190 bytes: ask for less at once."),
    "headers_too_large": ProblemType(
        431,
        "The headers are too large",
        "Those of one name may have 8,190 bytes together. There may be 100.",
    ),
    "unsupported_media_type": ProblemType(
        415,
        "The body has the wrong media type",
        "Send application/json; PATCH takes application/merge-patch+json, too.",
    ),
    "host_not_allowed": ProblemType(
        421,
        "The service is not addressed by this host",
        "`detail` names the `Host` of the request. Use the address at which the service listens, or have the operator "
        "add the name to TASKS_HTTP_ALLOWED_HOSTS. This keeps a web page from reaching the service by a name of its "
        "own that leads here (DNS rebinding).",
    ),
    "invalid_request": ProblemType(
        422,
        "The request is not valid",
        "`errors` lists every problem: `pointer` (RFC 6901) is the member of the body, `parameter` that of the query. "
        "It ends after 100, and `errors_omitted` counts the others.",
    ),
    "idempotency_key_reused": ProblemType(
        422,
        "The Idempotency-Key was used for another body",
        "Use a new key for a new request; the same key only to repeat a request as it was.",
    ),
    "internal_error": ProblemType(
        500,
        "An unexpected error",
        "It is a bug of the service, whose log has it under the `request_id`. Please report it.",
    ),
    "store_unavailable": ProblemType(
        503,
        "The task store cannot be reached",
        "Nothing is known of a change that was under way: repeat it after `Retry-After`, a submit with its "
        "Idempotency-Key. Tasks that were accepted are kept.",
    ),
    "capacity": ProblemType(
        503,
        "The task store takes no new tasks",
        "Its memory is at 85 % of its limit, or its disk is nearly full. Tasks that it has go on; delete some, wait "
        "until retention has, or free some disk.",
    ),
    "overloaded": ProblemType(
        503,
        "The process has as many batches to do as may wait",
        "Nothing of this one was stored. Send it again after `Retry-After`; other requests are served. "
        f"Each process of the API works on one batch at a time, and {MOST_BATCHES_WAITING} more may "
        "wait there: send fewer at the same time, or have the operator raise TASKS_HTTP_WORKERS.",
    ),
    "too_many_streams": ProblemType(
        503,
        "The process holds as many streams or waits as it can",
        "Other requests are served. Try again after `Retry-After`, close streams that are not needed, or follow many "
        "tasks with one `GET /events`. The operator can raise the limit on open files (`ulimit -n`) or "
        "TASKS_HTTP_WORKERS.",
    ),
    "store_unsafe": ProblemType(
        503,
        "The task store may lose tasks",
        "Redis evicts or does not persist. The service's log says which setting of Redis to change.",
    ),
}
CODES: dict[type[Exception], str] = {
    CrossSiteRequest: "cross_site_request",
    HostNotAllowed: "host_not_allowed",
    TaskNotFound: "task_not_found",
    DeliveryNotFound: "delivery_not_found",
    QueueNotFound: "queue_not_found",
    QueueInUse: "queue_in_use",
    TaskNotWaiting: "task_not_waiting",
    TaskRunning: "task_running",
    TaskFinal: "task_final",
    TaskNotRetryable: "task_not_retryable",
    InvalidTransition: "invalid_transition",
    StaleTask: "task_busy",
    VersionMismatch: "version_mismatch",
    IdempotencyKeyReused: "idempotency_key_reused",
    StoreUnavailable: "store_unavailable",
    StoreFull: "capacity",
    StoreUnsafe: "store_unsafe",
    TooManyStreams: "too_many_streams",
    Overloaded: "overloaded",
}
HTTP_CODES = {
    400: "malformed_request",
    404: "route_not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "request_timeout",
    413: "body_too_large",
    414: "uri_too_long",
    415: "unsupported_media_type",
    422: "invalid_request",
    431: "headers_too_large",
}
"""Of what the framework refuses."""
INVALID = "The request is not valid; `errors` lists every problem."
INVALID_OMITTED = "The request is not valid; `errors` lists the first 100 problems, and there are {omitted:,} more."
MAX_ERRORS = 100
"""Limit on the errors of one response; `errors_omitted` counts the others."""
MAX_TEXT = 1_000
"""Limit on the characters of a detail, message, pointer or parameter, which may repeat what the caller sent."""
RETRY_AFTER = {503: "1"}
PROBLEM_JSON = "application/problem+json"

logger = logging.getLogger(__name__)


class Omitted(int):
    """A number of errors that a validator did not make, in the place of a message. MAX_ERRORS others precede it."""


class Violation(str):
    """What is wrong with a part of a member: a message, and where in the member."""

    __slots__ = ("pointer",)

    def __new__(cls, message: str, pointer: str = "") -> Self:
        """`pointer` is a JSON pointer from the member on."""
        misfit = super().__new__(cls, message)
        misfit.pointer = pointer
        return misfit

    pointer: str


class ProblemError(Schema):
    """One problem of a request, with the member of the body or the parameter that has it."""

    pointer = fields.String(metadata={"description": "JSON pointer (RFC 6901) to the member of the body."})
    parameter = fields.String(metadata={"description": "Name of the query parameter."})
    message = fields.String(required=True, metadata={"description": "What is wrong, for people."})


class Problem(Schema):
    """Problem details (RFC 9457)."""

    type = fields.String(required=True, metadata={"description": "Where the kind of problem is explained."})
    title = fields.String(required=True, metadata={"description": "The kind of problem, for people."})
    status = fields.Integer(required=True, metadata={"description": "The status of the response."})
    detail = fields.String(required=True, metadata={"description": "This problem, for people."})
    instance = fields.String(required=True, metadata={"description": "The path of the request."})
    code = fields.String(required=True, metadata={"description": "A stable word for programs."})
    request_id = fields.String(required=True, metadata={"description": "Stands in the service's log, too."})
    errors = fields.List(
        fields.Nested(ProblemError),
        validate=validate.Length(max=MAX_ERRORS),
        metadata={"description": "Every problem of an invalid request."},
    )
    errors_omitted = fields.Integer(
        metadata={"description": f"Number of errors beyond the first {MAX_ERRORS}; absent when all are listed."}
    )


class ProblemApi(Api):  # type: ignore[misc]  # flask-smorest has no types
    """flask-smorest's Api, whose own errors are problem details, too."""

    ERROR_SCHEMA = Problem
    DEFAULT_ERROR_RESPONSE_NAME = None

    def handle_http_exception(self, error: HTTPException) -> Response:
        return http_problem(error)


def register_problems(app: Flask) -> None:
    for kind in CODES:
        app.register_error_handler(kind, _known_problem)
    app.register_error_handler(InvalidTaskSpec, _invalid_spec)
    app.register_error_handler(InvalidBatch, _invalid_batch)
    app.register_error_handler(HTTPException, http_problem)
    app.register_error_handler(Exception, _unexpected_problem)


def problems_page() -> str:
    """docs/problems.md."""
    lines = [
        "# Errors",
        "",
        "Every 4xx and 5xx is `application/problem+json` (RFC 9457). `code` is the stable word for programs; `type` is",
        "`/problems/<code>`, where the service itself says what stands here. Written by `make openapi`.",
    ]
    for code, kind in PROBLEM_TYPES.items():
        lines += ["", f"## {code}", "", f"{kind.status}: {kind.title}.", "", kind.advice]
    return "\n".join(lines) + "\n"


def http_problem(error: HTTPException) -> Response:
    """What the framework refuses; its headers (Allow, Retry-After) stay."""
    code = _code_of(error.code or 500)
    errors = _validation_errors(getattr(error, "data", {}).get("messages", {}))
    response = problem(code, error.description or PROBLEM_TYPES[code].title, errors, status=error.code)
    for name, value in error.get_headers():
        if name.lower() not in {"content-type", "content-length"}:
            response.headers[name] = value
    return response


def problem(code: str, detail: str, errors: Iterable[Mapping[str, str]] = (), *, status: int | None = None) -> Response:
    """`errors`, where there are any, decide the detail."""
    kind = PROBLEM_TYPES[code]
    every_error = paced(errors)
    listed = [{name: shortened(text) for name, text in each.items()} for each in islice(every_error, MAX_ERRORS)]
    omitted = sum(1 for _ in every_error)
    if listed:
        detail = INVALID_OMITTED.format(omitted=omitted) if omitted else INVALID
    body: dict[str, Any] = {
        "type": f"/problems/{code}",
        "title": kind.title,
        "status": status or kind.status,
        "detail": shortened(detail),
        "instance": request.path,
        "code": code,
        "request_id": g.request_id,
    }
    if listed:
        body["errors"] = listed
    if omitted:
        body["errors_omitted"] = omitted
    response = Response(json.dumps(body), body["status"], mimetype=PROBLEM_JSON)
    if body["status"] in RETRY_AFTER:
        response.headers["Retry-After"] = RETRY_AFTER[body["status"]]
    return response


def shortened(text: str) -> str:
    """Return the text, cut to MAX_TEXT characters."""
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


def unread_problem(status: int, detail: str) -> bytes:
    """A whole HTTP answer to what could not be read as a request."""
    code, request_id = _code_of(status), secrets.token_hex(16)
    kind = PROBLEM_TYPES[code]
    body = json.dumps(
        {
            "type": f"/problems/{code}",
            "title": kind.title,
            "status": status,
            "detail": detail or kind.title,
            "instance": "",
            "code": code,
            "request_id": request_id,
        }
    ).encode()
    lines = (
        f"HTTP/1.1 {status} {HTTP_STATUS_CODES.get(status, 'Error')}",
        f"Content-Type: {PROBLEM_JSON}",
        f"Content-Length: {len(body)}",
        f"X-Request-ID: {request_id}",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
    )
    return "\r\n".join([*lines, "", ""]).encode() + body


def _code_of(status: int) -> str:
    return HTTP_CODES.get(status, "malformed_request" if status < 500 else "internal_error")


def _known_problem(error: Exception) -> Response:
    code = next(CODES[kind] for kind in type(error).__mro__ if kind in CODES)
    return problem(code, detail_of(error))


def _invalid_spec(error: InvalidTaskSpec) -> Response:
    """Respond to a task that is invalid beside the stored one, or for this installation."""
    return problem("invalid_request", INVALID, _spec_errors(error))


def _invalid_batch(batch: InvalidBatch) -> Response:
    errors = (each for place, error in batch.errors.items() for each in _spec_errors(error, f"/tasks/{place}"))
    return problem("invalid_request", INVALID, errors)


def _spec_errors(error: InvalidTaskSpec, task: str = "") -> Iterator[dict[str, str]]:
    """Yield the problems of one task. `task` is the JSON pointer to it in the body."""
    for pointer, message in violations_of(error):
        yield {"pointer": f"{task}/{pointer}", "message": message}


def _unexpected_problem(error: Exception) -> Response:
    logger.error("Unexpected error", exc_info=error, extra={"action": "unexpected_error", "request_id": g.request_id})
    return problem("internal_error", "An unexpected error; the service's log has it under this request_id.")


def _validation_errors(messages: dict[str, Any]) -> Iterator[dict[str, str]]:
    for location, by_name in messages.items():
        for path, message in _flatten(by_name):
            if isinstance(message, Omitted):
                yield from repeat({}, message)
                continue
            if location == "query":
                yield {"parameter": ".".join(path), "message": str(message)}
            else:
                inner = message.pointer if isinstance(message, Violation) else ""
                yield {"pointer": "".join(f"/{_escape(part)}" for part in path) + inner, "message": str(message)}


def _flatten(messages: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """marshmallow nests what it says by member; a dict's key and value errors are one level deeper still."""
    if not isinstance(messages, dict):
        yield from ((path, message) for message in messages)
        return
    for name, inner in messages.items():
        own = name == "_schema" or (path and name in {"key", "value"} and isinstance(inner, list))
        yield from _flatten(inner, path if own else (*path, str(name)))


def _escape(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")
