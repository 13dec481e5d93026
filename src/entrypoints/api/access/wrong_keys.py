"""Slow down who sends wrong keys, and nobody else of the same address."""

from collections.abc import Iterator
from contextlib import contextmanager

from application.bounded_cache import BoundedCache
from application.ports.clock import Clock

FREE_FAILURES = 10
"""Failures of an address within a minute that are not slowed down."""
WINDOW_SECONDS = 60.0
DELAY_SECONDS = 1.0
MAX_DELAYED = 64
"""Delayed responses of one process. Each holds a connection."""
MAX_ADDRESSES = 10_000


class TooManyWrongKeys(Exception):
    """Too many requests with wrong keys wait for their response."""

    def __init__(self) -> None:
        super().__init__(
            "Too many requests with wrong keys came. Requests with right keys are not affected."
        )


class WrongKeys:
    """Counts the failures of each address in each minute.

    A right key is let in before anything is counted, so that a neighbour with wrong ones locks
    nobody out. A secret has 256 bits: the delay spares the log and the processors.
    """

    def __init__(self) -> None:
        self._failures: BoundedCache[str, tuple[float, int]] = BoundedCache(MAX_ADDRESSES)
        self._delayed = 0

    def slow_down(self, address: str, clock: Clock) -> None:
        """Count a failure. After some, return only after a second.

        Raises TooManyWrongKeys when too many wait.
        """
        now = clock.monotonic()
        began, failures = self._failures.get(address) or (now, 0)
        if now - began >= WINDOW_SECONDS:
            began, failures = now, 0
        self._failures.put(address, (began, failures + 1), 1)
        if failures >= FREE_FAILURES:
            with self._slot():
                clock.sleep(DELAY_SECONDS)

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if self._delayed >= MAX_DELAYED:
            raise TooManyWrongKeys
        self._delayed += 1
        try:
            yield
        finally:
            self._delayed -= 1
