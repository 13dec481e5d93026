"""Sum up the statistics of the minutes that are over."""

from application.ports.clock import Clock
from application.ports.series import Series

LOOK_SECONDS = 5.0


class SumUpSeries:
    def __init__(self, series: Series, clock: Clock) -> None:
        self._series = series
        self._clock = clock
        self._next_look = 0.0

    def execute(self) -> bool:
        """Sum up a minute, if one is over. Looks for one every LOOK_SECONDS.

        Returns whether more is to be done at once. Raises StoreUnavailable.
        """
        if self._clock.monotonic() < self._next_look:
            return False
        if self._series.sum_up():
            return True
        self._next_look = self._clock.monotonic() + LOOK_SECONDS
        return False
