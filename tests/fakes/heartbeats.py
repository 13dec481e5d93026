from collections.abc import Sequence
from datetime import timedelta

from application.ports.clock import Clock
from application.ports.heartbeats import Heartbeat, Heartbeats, ServiceProcess


class FakeHeartbeats(Heartbeats):
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._beats: dict[str, Heartbeat] = {}

    def beat(self, process: ServiceProcess) -> None:
        self._beats[process.name] = Heartbeat(process=process, at=self._clock.now())

    def end(self, process: ServiceProcess) -> None:
        self._beats.pop(process.name, None)

    def alive(self, role: str) -> Sequence[Heartbeat]:
        oldest = self._clock.now() - timedelta(seconds=15)
        beats = sorted(self._beats.values(), key=lambda beat: beat.process.name)
        return [beat for beat in beats if beat.process.role == role and beat.at > oldest]
