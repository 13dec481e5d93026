from collections.abc import Sequence
from datetime import timedelta

from application.ports.clock import Clock
from application.ports.heartbeats import Heartbeat, Heartbeats, ServiceProcess

LIFETIME = timedelta(seconds=15)


class FakeHeartbeats(Heartbeats):
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._beats: dict[tuple[str, str], Heartbeat] = {}

    def beat(self, process: ServiceProcess) -> None:
        self._beats[process.role, process.name] = Heartbeat(process=process, at=self._clock.now())

    def end(self, process: ServiceProcess) -> None:
        self._beats[process.role, process.name] = Heartbeat(
            process=process, at=self._clock.now() - LIFETIME
        )

    def alive(self, role: str) -> Sequence[Heartbeat]:
        return self._since(role, LIFETIME)

    def recently_alive(self, role: str) -> Sequence[Heartbeat]:
        return self._since(role, LIFETIME + timedelta(seconds=30))

    def _since(self, role: str, age: timedelta) -> Sequence[Heartbeat]:
        oldest = self._clock.now() - age
        beats = sorted(self._beats.values(), key=lambda beat: beat.process.name)
        return [beat for beat in beats if beat.process.role == role and beat.at > oldest]
