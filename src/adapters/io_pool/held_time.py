"""Measures for how long something stays the same, by the time that a thread could have used."""

import time
from collections.abc import Callable


class HeldTime:
    """Leaves out the time for which the thread waited for a processor.

    On a busy machine, work that lets others run would else look like work that does not.
    """

    def __init__(
        self, waited: Callable[[], float], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """`waited` returns how many seconds the thread has waited for a processor so far."""
        self._waited = waited
        self._monotonic = monotonic
        self._last: object = None
        self._since = 0.0

    def look(self, what: object) -> float:
        """Return for how many seconds it has been the same at each look; 0 when it has changed."""
        now = self._monotonic() - self._waited()
        if self._last is None or what != self._last:
            self._last, self._since = what, now
        return now - self._since
