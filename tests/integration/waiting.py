"""Waits for conditions, never for a while."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], seconds: float = 15, *, every: float = 0.02) -> T:
    """Answers the first true value of the condition. Fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {seconds} s; the last value was {value!r}")
        time.sleep(every)
    return value
