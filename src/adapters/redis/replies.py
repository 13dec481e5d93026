"""Read replies of Redis in which damaged data must not fail the rest."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from adapters.redis.failures import is_damage

T = TypeVar("T")


def execute(pipeline: Any) -> list[Any]:
    """Execute a pipeline. The reply to a command that met damaged data is its error.

    Raises any other error.
    """
    replies: list[Any] = pipeline.execute(raise_on_error=False)
    for reply in replies:
        if isinstance(reply, Exception) and not is_damage(reply):
            raise reply
    return replies


def count_or_zero(reply: Any) -> int:
    """Return a stored count; 0 where there is none, or it is damaged."""
    try:
        return 0 if isinstance(reply, Exception) else int(reply or 0)
    except ValueError:
        return 0


def sorted_texts(members: Iterable[bytes]) -> list[str]:
    """Return the members of a set as sorted text, without those that are no text."""
    found = []
    for member in members:
        with suppress(UnicodeDecodeError):
            found.append(member.decode())
    return sorted(found)


def first_within(max_bytes: int, items: Sequence[T], size_of: Callable[[T], int]) -> Sequence[T]:
    """Return the first items that have at most `max_bytes` together; one at least, if any."""
    size = 0
    for number, item in enumerate(items):
        size += size_of(item)
        if number and size > max_bytes:
            return items[:number]
    return items


def milliseconds(time: Sequence[int | bytes]) -> int:
    """Return the reply to TIME, in seconds and microseconds, as milliseconds since 1970."""
    seconds, microseconds = map(int, time)
    return seconds * 1000 + microseconds // 1000
