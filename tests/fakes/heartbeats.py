from datetime import datetime, timedelta

from application.ports.clock import Clock
from application.ports.heartbeats import Heartbeats


class FakeHeartbeats(Heartbeats):
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._beats: dict[str, datetime] = {}

    def beat(self, role: str) -> None:
        self._beats[role] = self._clock.now()

    def seen(self, role: str) -> bool:
        return role in self._beats and self._clock.now() - self._beats[role] < timedelta(seconds=15)
