"""Positions in the stream of events: two numbers, which compare as a pair."""

from typing import Any

BEGINNING = "0-0"
NUMBER_LIMIT = 2**64
"""Both numbers of a position are below this."""


def order(position: str | bytes) -> tuple[int, int]:
    """Return the two numbers of a position, each at most 2**64.

    Raises ValueError for text that is no position.
    """
    text = position.decode() if isinstance(position, bytes) else position
    milliseconds, _, number = text.partition("-")
    if not (_is_number(milliseconds) and _is_number(number)):
        raise ValueError(f"not a position in the stream of events: {text!r}")
    return _bounded(milliseconds), _bounded(number)


def keeps_all_after(info: dict[str, Any] | None, position: tuple[int, int]) -> bool:
    """Return whether the stream still has every event after the position.

    `info` is the reply to XINFO STREAM; None for a stream that does not exist.
    """
    if info is None:
        return position == order(BEGINNING)
    if position > order(info["last-generated-id"]) or max(position) >= NUMBER_LIMIT:
        return False
    first = info["first-entry"]
    nothing_dropped = info["entries-added"] == info["length"]
    return nothing_dropped or bool(first and position >= order(first[0]))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _bounded(digits: str) -> int:
    """Return the number, or the limit for a larger one.

    Python refuses to read thousands of digits.
    """
    significant = digits.lstrip("0")
    if len(significant) > len(str(NUMBER_LIMIT)):
        return NUMBER_LIMIT
    return min(int(significant or "0"), NUMBER_LIMIT)
