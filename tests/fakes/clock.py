from datetime import datetime, timedelta

from application.ports.clock import Clock
from tests.building import NOON


class FakeClock(Clock):
    """Stands still, except that `advance` and `sleep` move it."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._now.timestamp()

    def sleep(self, seconds: float) -> None:
        self.advance(timedelta(seconds=seconds))

    def advance(self, by: timedelta) -> None:
        self._now += by
