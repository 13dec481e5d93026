"""The entries of `errors`: what is wrong with which member or parameter of a request."""

from collections.abc import Iterator
from itertools import repeat
from typing import Any, Self

MAX_ERRORS = 100
"""Limit on the errors of one response; `errors_omitted` counts the others."""


class Omitted(int):
    """A number of further errors, in the place of a message. MAX_ERRORS others precede it."""


class InnerMessage(str):
    """A message about a part of a member, and the place of the part."""

    __slots__ = ("pointer",)

    def __new__(cls, message: str, pointer: str = "") -> Self:
        """`pointer` is a JSON pointer (RFC 6901) that starts at the member."""
        inner = super().__new__(cls, message)
        inner.pointer = pointer
        return inner

    pointer: str


def errors_of(messages: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Yield an entry of `errors` for each of webargs' messages, and {} for each omitted one."""
    for location, by_name in messages.items():
        for path, message in _flatten(by_name):
            if isinstance(message, Omitted):
                yield from repeat({}, message)
                continue
            if location == "query":
                yield {"parameter": ".".join(path), "message": str(message)}
            else:
                inner = message.pointer if isinstance(message, InnerMessage) else ""
                pointer = "".join(f"/{_escape(part)}" for part in path)
                yield {"pointer": pointer + inner, "message": str(message)}


def _flatten(messages: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each message of marshmallow's nested messages with the path of its member.

    The errors of a map's keys and values are one level deeper, under `key` and `value`.
    """
    if not isinstance(messages, dict):
        yield from ((path, message) for message in messages)
        return
    for name, inner in messages.items():
        own = name == "_schema" or (path and name in {"key", "value"} and isinstance(inner, list))
        yield from _flatten(inner, path if own else (*path, str(name)))


def _escape(part: str) -> str:
    """Escape one part of a JSON pointer (RFC 6901, section 3)."""
    return part.replace("~", "~0").replace("/", "~1")
