"""How bodies and query strings are read: the right media type, strict JSON, no unknown names."""

from typing import Any

from flask import Request, current_app
from flask_smorest import Blueprint
from gunicorn.http.errors import ParseException
from marshmallow import RAISE, Schema
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import BadRequest, ClientDisconnected, RequestEntityTooLarge, UnsupportedMediaType

from entrypoints.api import strict_json

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"


class StrictParser(FlaskParser):
    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {"json": RAISE, "query": RAISE}  # noqa: RUF012 - webargs' way

    def load_json(self, req: Request, schema: Schema) -> Any:
        allowed = {JSON, MERGE_PATCH} if req.method == "PATCH" else {JSON}
        if req.mimetype not in allowed:
            given = f"not {req.mimetype}" if req.mimetype else "but there is none"
            raise UnsupportedMediaType(f"The Content-Type must be {' or '.join(sorted(allowed))}, {given}.")
        try:
            return strict_json.parse(_body(req))
        except strict_json.InvalidJson as error:
            raise BadRequest(str(error)) from error


def _body(req: Request) -> bytes:
    """werkzeug cuts a chunked body off at its limit without a word, so ours is one byte lower."""
    limit: int = current_app.config["MAX_CONTENT_LENGTH"] - 1
    try:
        body = req.get_data()
    except RequestEntityTooLarge:
        body = None
    except (OSError, ClientDisconnected, ParseException) as error:
        raise BadRequest("The body could not be read: its transfer encoding is broken.") from error
    if body is None or len(body) > limit:
        raise RequestEntityTooLarge(f"The body may have at most {limit} bytes.")
    if req.content_length is not None and len(body) < req.content_length:
        raise BadRequest(f"The body has {len(body)} of the {req.content_length} bytes that Content-Length announces.")
    return body


class StrictBlueprint(Blueprint):  # type: ignore[misc]  # flask-smorest has no types
    ARGUMENTS_PARSER = StrictParser()
