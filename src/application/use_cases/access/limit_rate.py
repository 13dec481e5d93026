"""Count the requests of each caller, and refuse those beyond its limit."""

from contextlib import suppress
from datetime import timedelta

from application.bounded_cache import BoundedCache
from application.errors import StoreUnavailable
from application.ports.clock import Clock
from application.ports.rate_limits import Charge, RateLimitExceeded, RateLimits, Usage

MAX_REMEMBERED = 10_000
"""Limit on the callers without a unit that a process remembers."""


class LimitRate:
    """Asks the store once for each request.

    Units come back with time alone. So a caller that has none is refused without asking the store
    until they do, and a flood of its requests costs nothing else.
    """

    def __init__(self, rate_limits: RateLimits, clock: Clock) -> None:
        self._rate_limits = rate_limits
        self._clock = clock
        self._used_up: BoundedCache[tuple[str, str], float] = BoundedCache(MAX_REMEMBERED)
        """The time by `monotonic` at which a caller regains units."""

    def require_unit(self, charge: Charge) -> None:
        """Raise RateLimitExceeded if the caller is known to have no unit."""
        until = self._used_up.get(_name(charge))
        if until is None:
            return
        wait = timedelta(seconds=until - self._clock.monotonic())
        if wait > timedelta(0):
            charge.usage = Usage(remaining=0, regains_in=wait)
            raise RateLimitExceeded(charge.limit, wait)
        self._used_up.discard(_name(charge))

    def count(self, charge: Charge) -> None:
        """Count a request that was not counted yet. Raises RateLimitExceeded.

        While the store is unavailable, nothing is counted and nobody refused: requests that need
        the store fail anyway.
        """
        self.require_unit(charge)
        with suppress(StoreUnavailable):
            try:
                self._rate_limits.count(charge)
            finally:
                self.note(charge)

    def note(self, charge: Charge) -> None:
        """Remember a caller whose last unit was used."""
        if charge.usage is not None and charge.usage.remaining == 0:
            until = self._clock.monotonic() + charge.usage.regains_in.total_seconds()
            self._used_up.put(_name(charge), until, 1)


def _name(charge: Charge) -> tuple[str, str]:
    return charge.caller, str(charge.limit)
