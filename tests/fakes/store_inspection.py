from datetime import datetime

from application.ports.clock import Clock
from application.ports.store_inspection import (
    ScriptsRefused,
    ServerFacts,
    StoreInspection,
    StoreUnreachable,
)


class FakeStoreInspection(StoreInspection):
    """Tells what a test sets."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.facts = ServerFacts(
            product="Redis", version=(8, 0), is_replica=False, has_write_error=False
        )
        self.unreachable: StoreUnreachable | None = None
        self.refused: ScriptsRefused | None = None

    def connect(self) -> None:
        if self.unreachable:
            raise self.unreachable

    def server(self) -> ServerFacts:
        return self.facts

    def time(self) -> datetime:
        return self._clock.now()

    def try_scripts(self) -> None:
        if self.refused:
            raise self.refused
