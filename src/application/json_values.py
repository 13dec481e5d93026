"""Check and encode JSON values."""

import json
from collections.abc import Callable
from typing import Any

MAX_DEPTH = 32
"""Limit on the nesting of JSON. Other readers of it have limited stacks."""
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
_encode_compact = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":")
).encode


class JsonText:
    """A JSON value that stays text, since nobody looks at what it holds: a long result.

    A result of 1 MiB may hold 350,000 objects, and most readers only pass it on.
    """

    __slots__ = ("encoded",)

    def __init__(self, encoded: bytes) -> None:
        """`encoded` is valid JSON in UTF-8, without blanks."""
        self.encoded = encoded

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JsonText) and self.encoded == other.encoded

    def __hash__(self) -> int:
        return hash(self.encoded)

    def __str__(self) -> str:
        return self.encoded.decode()

    @property
    def value(self) -> Any:
        return json.loads(self.encoded)


def encode_json(value: Any) -> bytes:
    """Return the value as JSON in UTF-8.

    Raises TypeError, ValueError or RecursionError for a value that JSON or UTF-8 cannot hold.
    """
    return _encode(value).encode()


def encode_compact_json(value: Any) -> bytes:
    """Return the value as JSON without spaces, as it is stored. Raises as encode_json does."""
    return _encode_compact(value).encode()


def has_more_values(
    text: bytes, limit: int, let_others_run: Callable[[], None] = lambda: None
) -> bool:
    """Return whether a JSON text has more list elements and object members than the limit.

    The text is not parsed. Each element or member follows a comma or opens its list or object.
    Commas and brackets inside of strings are ignored only when all of them together exceed the
    limit. `let_others_run` is called between steps.
    """
    if len(text) <= limit or _count(text, b",[{") <= limit:
        return False
    let_others_run()
    unescaped = text.replace(rb"\\", b"").replace(rb"\"", b"")
    if unescaped.count(b'"') > 4 * limit:  # a member has two for its name and two for a string
        return True
    let_others_run()
    return _count(b"".join(unescaped.split(b'"')[::2]), b",[{") > limit


def replace_surrogates(text: str) -> str:
    """Return the text with "?" for each lone surrogate, which UTF-8 cannot hold."""
    return text.encode(errors="replace").decode()


def exceeds_depth(value: Any, depth: int = MAX_DEPTH) -> bool:
    """Return whether lists and objects are nested deeper than `depth` levels."""
    if not isinstance(value, dict | list | tuple):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return depth == 0 or any(exceeds_depth(each, depth - 1) for each in inner)


def describe_non_json(value: Any, path: str = "") -> str | None:
    """Return a sentence that names the first value that is not JSON and its path. None for none."""
    if isinstance(value, dict):
        inner: Any = value.items()
    elif isinstance(value, list | tuple):
        inner = enumerate(value)
    else:
        is_json = value is None or isinstance(value, str | int | float)
        return None if is_json else f"There is a {type(value).__name__} at {path or 'the top'}."
    found = (describe_non_json(each, f"{path}/{key}") for key, each in inner)
    return next(filter(None, found), None)


def _count(text: bytes, marks: bytes) -> int:
    return len(text) - len(text.translate(None, marks))
