"""The clock of this machine."""

import time
from datetime import UTC, datetime

from application.ports.clock import Clock


class SystemClock(Clock):
    """Keeps its functions: work that replaces those of `time`, as tests do, does not change this clock."""

    def __init__(self) -> None:
        self._monotonic, self._sleep = time.monotonic, time.sleep

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return self._monotonic()

    def sleep(self, seconds: float) -> None:
        self._sleep(seconds)
