"""Write JSON."""

import json
from typing import Any

import msgspec

from application.json_values import JsonText


def _raw(value: Any) -> msgspec.Raw:
    if isinstance(value, JsonText):
        return msgspec.Raw(value.encoded)
    raise TypeError(f"not a JSON value: {value!r}")


def _plain(value: Any) -> Any:
    if isinstance(value, JsonText):
        return value.value
    raise TypeError(f"not a JSON value: {value!r}")


_encode = msgspec.json.Encoder(enc_hook=_raw).encode


def to_json(value: Any) -> bytes:
    """Return the value as compact JSON in UTF-8. A JsonText in it is copied as it is.

    Lone surrogates, which only a damaged record can hold, are escaped.
    """
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"), default=_plain).encode()
