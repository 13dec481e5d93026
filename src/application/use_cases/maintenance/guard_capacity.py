"""Keep the store from running full."""

from datetime import timedelta

from application.ports.store_probe import StoreProbe
from application.store_rules import is_memory_full, refuses_new_tasks

REFUSAL = timedelta(seconds=3)
"""New tasks are refused for this long after each measurement."""
RECENT_EVENTS = timedelta(seconds=10)
"""Followers have read older events, so these are dropped while memory is full."""


class GuardCapacity:
    """Refuse new tasks while there is still room for the results of those that the store has."""

    def __init__(self, probe: StoreProbe) -> None:
        self._probe = probe

    def execute(self) -> bool:
        """Measure the store. Returns whether new tasks are refused now. Raises StoreUnavailable."""
        capacity = self._probe.capacity()
        is_full = refuses_new_tasks(capacity)
        if is_full:  # before events are dropped, which may fail
            self._probe.refuse_new_tasks(REFUSAL)
        if is_memory_full(capacity):
            # The number of events is bounded, and their size is not: they alone may fill a small
            # store, and deleting tasks adds to them.
            self._probe.drop_old_events(RECENT_EVENTS)
        return is_full
