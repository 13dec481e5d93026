"""Has the kernel end this process before the first of its leases ends."""

import signal
import time

from application.ports.lease_alarm import LeaseAlarm


class KernelLeaseAlarm(LeaseAlarm):
    """A timer of setitimer(2), with SIGALRM at its default action.

    It works while the loop is blocked and while C code holds the interpreter lock. A stopped
    process ends as soon as it continues. All runs of the process end with it.
    """

    def __init__(self, limit_seconds: float) -> None:
        """`limit_seconds`: how long a run may go on after the last renewal. Main thread only."""
        self._limit = limit_seconds
        self._set_for: float | None = None
        self._set_timer, self._monotonic = signal.setitimer, time.monotonic
        signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def set(self, renewed_at: float | None) -> None:
        if renewed_at == self._set_for:
            return
        left = 0.0
        if renewed_at is not None:
            left = max(renewed_at + self._limit - self._monotonic(), 0.001)
        self._set_timer(signal.ITIMER_REAL, left)
        self._set_for = renewed_at
