"""Responses in JSON."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Response
from marshmallow import Schema

from entrypoints.api.concurrency.cooperation import paced
from entrypoints.api.json_text import to_json


def json_response(
    members: Mapping[str, Any] | bytes,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a response with these members, or with JSON that is written already."""
    text = members if isinstance(members, bytes) else to_json(members)
    return Response(text, status, headers, mimetype="application/json")


def list_response(name: str, schema: Schema, items: Iterable[Any]) -> Response:
    """Return a response whose one member is the list of the items, each dumped by the schema."""
    return json_response({name: [schema.dump(item) for item in paced(items)]})
