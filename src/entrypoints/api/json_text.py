"""Write JSON."""

import json
from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode


def to_json(value: Any) -> bytes:
    """Return the value as compact JSON in UTF-8.

    Lone surrogates, which only a damaged record can hold, are escaped.
    """
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()
