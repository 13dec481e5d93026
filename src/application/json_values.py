"""Encode values as JSON, and find out which values JSON cannot represent."""

import json
from typing import Any

MAX_DEPTH = 32
"""Levels of nesting. Readers parse recursively and have limited stacks."""
_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def encode_json(value: Any) -> bytes:
    """Return the value as JSON in UTF-8. Raises TypeError, ValueError or RecursionError if it has none."""
    return _json(value).encode()


def replace_surrogates(text: str) -> str:
    """Replace lone surrogates, which UTF-8 cannot encode, by question marks."""
    return text.encode(errors="replace").decode()


def exceeds_depth(value: Any, depth: int = MAX_DEPTH) -> bool:
    """Return whether lists and objects are nested deeper than `depth` levels."""
    if not isinstance(value, dict | list | tuple):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return depth == 0 or any(exceeds_depth(each, depth - 1) for each in inner)


def describe_non_json(value: Any, path: str = "") -> str | None:
    """Return a sentence that locates the first value without a JSON form; None when there is none."""
    if isinstance(value, dict):
        inner: Any = value.items()
    elif isinstance(value, list | tuple):
        inner = enumerate(value)
    else:
        known = value is None or isinstance(value, str | int | float)
        return None if known else f"There is a {type(value).__name__} at {path or 'the top'}."
    return next((found for key, each in inner if (found := describe_non_json(each, f"{path}/{key}"))), None)
