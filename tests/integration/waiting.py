"""Waits for conditions, never for a fixed time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 90
"""Shortest deadline of a test in seconds. It matters only to tests that fail, so it may be long.

A start that takes 2 s on an idle machine took 30 s on a busy one.
"""

START_SECONDS = 240
"""Deadline of a start of several processes. Each needs a second of a processor, which it may have
to share with twenty others."""


LONGEST_PAUSE = 0.2
"""Shorter than any state that a test waits for lasts."""


def wait_until(condition: Callable[[], T], seconds: float = PATIENCE, *, every: float = 0.02) -> T:
    """Return the first true value of the condition.

    Pauses grow with the time that has passed: most conditions are calls of a service, which would
    take the processor from what is waited for.

    Fail when it has none within `seconds` or PATIENCE, whichever is longer: how fast the
    condition comes true is the machine's, so no test can claim it.
    """
    seconds = max(seconds, PATIENCE)
    began = time.monotonic()
    while not (value := condition()):
        waited = time.monotonic() - began
        if waited > seconds:
            raise AssertionError(f"not true within {seconds} s; the last value was {value!r}")
        time.sleep(max(every, min(waited / 10, LONGEST_PAUSE)))
    return value
