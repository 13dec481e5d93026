"""Responses in JSON. Other requests run while a long one is written."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Response, json
from marshmallow import Schema

from entrypoints.api.concurrency.cooperation import paced

MAX_LIST_PARTS = 2_000
"""A list of more elements is written in slices. The longest list of tasks has 1,000."""


def json_response(
    members: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    return Response(_text(members), status, headers, mimetype="application/json")


def list_response(name: str, schema: Schema, items: Iterable[Any]) -> Response:
    """Return a response whose one member is the list of the items, each dumped by the schema."""
    return json_response({name: [schema.dump(item) for item in paced(items)]})


def _text(members: Mapping[str, Any]) -> str:
    """Return the members as JSON. Other requests may run between the elements of a list."""
    if not any(isinstance(value, list) for value in members.values()):
        return json.dumps(members)
    texts = {
        name: _list_text(value) if isinstance(value, list) else json.dumps(value)
        for name, value in members.items()
    }
    return f"{{{', '.join(f'{json.dumps(name)}: {text}' for name, text in texts.items())}}}"


def _list_text(values: list[Any]) -> str:
    """Return the list as JSON, written in at most 2 * MAX_LIST_PARTS slices.

    A result may have 350,000 numbers. One call for each takes 1.5 s, slices take 0.03 s.
    """
    size = max(len(values) // MAX_LIST_PARTS, 1)
    parts = (json.dumps(values[at : at + size])[1:-1] for at in paced(range(0, len(values), size)))
    return f"[{', '.join(parts)}]"
