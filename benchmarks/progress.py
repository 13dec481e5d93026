"""Print progress on standard error; standard output has only the report."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

SECONDS_BETWEEN = 5.0

T = TypeVar("T")


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def counted(items: Iterable[T], *, total: int, what: str) -> Iterator[T]:
    """Yield the items; print their number every five seconds."""
    due = time.monotonic() + SECONDS_BETWEEN
    for number, item in enumerate(items):
        if time.monotonic() >= due:
            say(f"  {what}: {number:,} of {total:,}")
            due += SECONDS_BETWEEN
        yield item
