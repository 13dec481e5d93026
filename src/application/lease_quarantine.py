"""Decide when no lease may be called expired, since its holder had no time to renew it."""

from datetime import timedelta

MAX_DRIFT_SECONDS = 1.0
"""A larger change of the store's clock against the monotonic one is a step, not drift."""


class LeaseQuarantine:
    """Lasts one lease from each step of the store's clock, and from the start of the store."""

    def __init__(self, lease: timedelta) -> None:
        self._lease_seconds = lease.total_seconds()
        self._offset: float | None = None
        self._until = float("-inf")

    def is_active(self, *, store_now: float, store_uptime: float, monotonic: float) -> bool:
        """Compare the clocks, all in seconds. Call it at each look for expired leases."""
        offset = store_now - monotonic
        if self._offset is not None and abs(offset - self._offset) > MAX_DRIFT_SECONDS:
            self._until = monotonic + self._lease_seconds
        self._offset = offset
        # An uptime below 0 shows that the clock stepped back since the start of the store.
        return monotonic < self._until or 0 <= store_uptime < self._lease_seconds
