from collections import defaultdict
from datetime import datetime, timedelta

from application.errors import StoreUnavailable
from application.ports.clock import Clock
from application.ports.rate_limits import Charge, RateLimitExceeded, RateLimits, Usage


class FakeRateLimits(RateLimits):
    """Units come back when the window has passed. `away` makes every call fail."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._used: defaultdict[tuple[str, str], list[datetime]] = defaultdict(list)
        self.away = False
        self.asked = 0

    def count(self, charge: Charge, units: int = 1) -> None:
        if self.away:
            raise StoreUnavailable("the fake is away")
        self.asked += 1
        now, window = self._clock.now(), charge.limit.window
        used = self._used[charge.caller, charge.limit.unit_of_time]
        used[:] = [time for time in used if time + window > now]
        missing = len(used) + units - charge.limit.units
        if missing <= 0:
            used += [now] * units
        regains_in = used[0] + window - now if used else timedelta(0)
        remaining = max(0, charge.limit.units - len(used))
        charge.usage = Usage(remaining=remaining, regains_in=regains_in)
        if missing > 0:
            raise RateLimitExceeded(charge.limit, used[missing - 1] + window - now)
