"""Responses to errors: problem details (RFC 9457)."""

import json
import secrets
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from itertools import islice
from typing import Any

from flask import Response, g, request
from werkzeug.http import HTTP_STATUS_CODES

from entrypoints.api.concurrency.cooperation import paced
from entrypoints.api.problems.catalogue import PROBLEM_TYPES
from entrypoints.api.problems.codes import code_of_status
from entrypoints.api.problems.violations import MAX_ERRORS

PROBLEM_JSON = "application/problem+json"
INVALID = "The request is not valid; `errors` lists every problem."
INVALID_OMITTED = (
    "The request is not valid; `errors` lists the first 100 problems, and there are "
    "{omitted:,} more."
)
MAX_TEXT = 1_000
"""Limit on the characters of a detail, message, pointer or parameter; they quote requests."""
RETRY_AFTER = {429: 1, 503: 1}
"""The header Retry-After by status, in seconds."""
CHALLENGE = 'Bearer realm="task-manager"'
"""The header WWW-Authenticate of each 401 (RFC 6750)."""


def problem_response(
    code: str,
    detail: str,
    errors: Iterable[Mapping[str, str]] = (),
    *,
    status: int | None = None,
    retry_after: int | None = None,
) -> Response:
    """Return the response to an error of the current request.

    `errors`, if any, replace the detail. `retry_after` is in seconds; by default RETRY_AFTER says.
    """
    every_error = paced(errors)
    listed = [
        {name: shorten(text) for name, text in each.items()}
        for each in islice(every_error, MAX_ERRORS)
    ]
    omitted = sum(1 for _ in every_error)
    if listed:
        detail = INVALID_OMITTED.format(omitted=omitted) if omitted else INVALID
    g.problem = code
    status = status or PROBLEM_TYPES[code].status
    body = _members(code, status, shorten(detail), request.path, g.request_id)
    if listed:
        body["errors"] = listed
    if omitted:
        body["errors_omitted"] = omitted
    response = Response(json.dumps(body), status, mimetype=PROBLEM_JSON)
    if status in RETRY_AFTER:
        response.headers["Retry-After"] = str(retry_after or RETRY_AFTER[status])
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = CHALLENGE
    return response


def raw_problem_response(status: int, detail: str) -> bytes:
    """Return a whole HTTP response to bytes that could not be read as a request."""
    code, request_id = code_of_status(status), secrets.token_hex(16)
    detail = detail or PROBLEM_TYPES[code].title
    body = json.dumps(_members(code, status, detail, "", request_id)).encode()
    lines = (
        f"HTTP/1.1 {status} {HTTP_STATUS_CODES.get(status, 'Error')}",
        f"Content-Type: {PROBLEM_JSON}",
        f"Content-Length: {len(body)}",
        f"X-Request-ID: {request_id}",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
    )
    return "\r\n".join([*lines, "", ""]).encode() + body


def shorten(text: str) -> str:
    """Cut the text to MAX_TEXT characters."""
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


def _members(code: str, status: int, detail: str, instance: str, request_id: str) -> dict[str, Any]:
    return {
        "type": f"/problems/{code}",
        "title": PROBLEM_TYPES[code].title,
        "status": status,
        "detail": detail,
        "instance": instance,
        "code": code,
        "request_id": request_id,
    }
