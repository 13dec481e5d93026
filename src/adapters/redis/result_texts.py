"""Results that stay JSON text, for a process that only passes them on."""

import json
from typing import Any

import msgspec

from adapters.redis.task_codec import DECODERS, LONG_BYTES, RESULT, Decoders
from application.json_values import JsonText

_skip = msgspec.json.Decoder(msgspec.Raw).decode


def _result(text: bytes) -> Any:
    """Return a result; a JsonText when it is longer than 4 KiB.

    The text is checked without making an object of anything in it. Raises ValueError for a text
    that is no JSON.
    """
    if len(text) <= LONG_BYTES:
        return json.loads(text)
    text.decode()
    try:
        _skip(text)
    except msgspec.DecodeError as error:
        raise ValueError(f"a result that is no JSON: {error}") from error
    return JsonText(text)


PASSING_DECODERS: Decoders = {**DECODERS, RESULT: _result}
"""Decoders of the members of a task that leave a long result as text."""
