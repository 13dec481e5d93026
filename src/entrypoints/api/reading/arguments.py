"""Read bodies and query strings strictly: media type, JSON, unknown and repeated names."""

from collections import Counter
from collections.abc import Iterator
from copy import copy
from functools import lru_cache
from typing import Any

from flask import Request, g, request
from gunicorn.http.errors import ParseException
from marshmallow import RAISE, Schema, ValidationError
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import (
    BadRequest,
    ClientDisconnected,
    RequestEntityTooLarge,
    RequestTimeout,
    UnsupportedMediaType,
)

from entrypoints.api.concurrency.connections import RequestTooSlow
from entrypoints.api.concurrency.cooperation import let_others_run
from entrypoints.api.reading import strict_json

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
LABEL = "label"
LABELS = "labels"
PART_BYTES = 4096
QUERIES_KEPT = 256
"""Number of query strings of each view whose meaning is kept."""
MAX_KEPT_QUERY_BYTES = 256


class StrictParser(FlaskParser):
    """A parser that refuses unknown and repeated names."""

    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {"json": RAISE, "query": RAISE}  # noqa: RUF012 - webargs' way

    def load_json(self, req: Request, schema: Schema) -> Any:
        return json_body(req)

    def load_querystring(self, req: Request, schema: Schema) -> Any:
        """Return the parameters. Raises ValidationError for one that is repeated but may not be."""
        values: dict[str, Any] = {}
        labels: list[tuple[str, str]] = []
        errors: dict[str, list[str]] = {}
        for name, given in req.args.lists():
            if name.startswith(f"{LABEL}.") and LABELS in schema.fields:
                labels += [(name.removeprefix(f"{LABEL}."), value) for value in given]
            elif name == LABEL and LABELS in schema.fields:
                labels += [
                    (key, value)
                    for key, colon, value in (each.partition(":") for each in given)
                    if colon
                ]
                if any(":" not in each for each in given):
                    errors[name] = ["Must be <key>:<value>, such as team:billing."]
            elif name == LABELS:
                errors[name] = ["Unknown field. Give a label as label=<key>:<value>."]
            elif len(given) > 1 and not getattr(schema.fields.get(name), "may_repeat", False):
                errors[name] = ["Must be given once."]
            else:
                values[name] = ",".join(given)
        if labels:
            values[LABELS] = dict(labels)
        twice = {key for key, number in Counter(key for key, _ in labels).items() if number > 1}
        errors |= {f"{LABEL}.{key}": ["Must be given once."] for key in twice}
        if errors:
            raise ValidationError({**schema.validate(values), **errors})
        return values


class ArgumentReader:
    """Reads the query or the body of the current request by a schema."""

    def __init__(self, parser: StrictParser, schema: Schema, location: str) -> None:
        self._parser = parser
        self._schema = schema
        self._location = location
        self._read_query = lru_cache(QUERIES_KEPT)(self._parse)

    def read(self) -> Any:
        """Return the loaded arguments. Raises HTTPException.

        The same text of a query always means the same, so a short one is parsed once.
        """
        query = request.query_string
        if self._location != "query" or len(query) > MAX_KEPT_QUERY_BYTES:
            return self._parse(query)
        return copy(self._read_query(query))

    def _parse(self, _: bytes) -> Any:
        return self._parser.parse(self._schema, request, location=self._location)


def json_body(req: Request) -> Any:
    """Return the body as JSON. It is parsed once per request. Raises HTTPException."""
    if "json_body" not in g:
        g.json_body = _parsed(req)
    return g.json_body


def received_body(req: Request) -> bytes:
    """Return the whole body. It is read once per request. Raises HTTPException."""
    if "body" not in g:
        g.body = _received(req)
    body: bytes = g.body
    return body


def _parsed(req: Request) -> Any:
    body = received_body(req)
    g.body = b""  # it is not needed again, and may be large
    try:
        return strict_json.parse(body)
    except strict_json.InvalidJson as error:
        raise BadRequest(str(error)) from error


def _received(req: Request) -> bytes:
    allowed = {JSON, MERGE_PATCH} if req.method == "PATCH" else {JSON}
    if req.mimetype not in allowed:
        given = f"not {req.mimetype}" if req.mimetype else "but there is none"
        raise UnsupportedMediaType(
            f"The Content-Type must be {' or '.join(sorted(allowed))}, {given}."
        )
    charset = req.mimetype_params.get("charset", "utf-8").lower().replace("_", "-")
    if charset not in {"utf-8", "utf8", "us-ascii"}:
        raise UnsupportedMediaType(f"The charset must be utf-8 (RFC 8259), not {charset}.")
    return _body(req)


def limit_body(limit: int) -> None:
    """Set the limit on the bytes of the current request's body.

    werkzeug silently truncates a chunked body at its limit, so its limit is one byte more.
    """
    request.max_content_length = limit + 1


def _parts(req: Request) -> Iterator[bytes]:
    """Yield the body in small parts: gunicorn takes microseconds for a chunk of a single byte."""
    while part := req.stream.read(PART_BYTES):
        let_others_run()
        yield part


def _body(req: Request) -> bytes:
    limit = (req.max_content_length or 0) - 1
    try:
        body = b"".join(_parts(req))
    except RequestEntityTooLarge:
        body = None
    except RequestTooSlow as error:
        raise RequestTimeout(
            "The body did not arrive in time; the connection is closed."
        ) from error
    except (OSError, ClientDisconnected, ParseException) as error:
        raise BadRequest("The body could not be read: its transfer encoding is broken.") from error
    if body is None or len(body) > limit:
        raise RequestEntityTooLarge(f"The body may have at most {limit} bytes.")
    if req.content_length is not None and len(body) < req.content_length:
        raise BadRequest(
            f"The body has {len(body)} bytes, but Content-Length announces {req.content_length}."
        )
    return body
