"""Read the clock of this machine."""

import time
from datetime import UTC, datetime

from application.ports.clock import Clock


class SystemClock(Clock):
    """Calls the functions that `time` had at the start: handlers may replace them, as tests do."""

    def __init__(self) -> None:
        self._monotonic, self._sleep = time.monotonic, time.sleep

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return self._monotonic()

    def sleep(self, seconds: float) -> None:
        self._sleep(seconds)
