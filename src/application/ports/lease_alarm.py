"""Ends a process that runs many tasks before the first of their leases ends."""

from abc import ABC, abstractmethod


class LeaseAlarm(ABC):
    @abstractmethod
    def set(self, renewed_at: float | None) -> None:
        """Have the process end in time for the oldest of its leases.

        `renewed_at` is the time (Clock.monotonic) at which that lease was last renewed; None when
        the process holds none.
        """
