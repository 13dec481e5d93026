"""What can be kept as JSON, and what cannot."""

import json
from typing import Any

MAX_DEPTH = 32
"""How deep JSON may be nested: who reads it has a stack of its own."""
_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def encode_json(value: Any) -> bytes:
    """As JSON in UTF-8. Raises TypeError, ValueError or RecursionError for what that cannot hold."""
    return _json(value).encode()


def replace_surrogates(text: str) -> str:
    """Without the lone surrogates that no UTF-8 can hold."""
    return text.encode(errors="replace").decode()


def exceeds_depth(value: Any, depth: int = MAX_DEPTH) -> bool:
    """True when lists and objects are nested deeper than that."""
    if not isinstance(value, dict | list | tuple):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return depth == 0 or any(exceeds_depth(each, depth - 1) for each in inner)


def describe_non_json(value: Any, path: str = "") -> str | None:
    """Where the first value is that JSON does not know, as a sentence; None where there is none."""
    if isinstance(value, dict):
        inner: Any = value.items()
    elif isinstance(value, list | tuple):
        inner = enumerate(value)
    else:
        known = value is None or isinstance(value, str | int | float)
        return None if known else f"There is a {type(value).__name__} at {path or 'the top'}."
    return next((found for key, each in inner if (found := describe_non_json(each, f"{path}/{key}"))), None)
