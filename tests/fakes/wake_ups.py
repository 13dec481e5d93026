from collections.abc import Sequence

from application.ports.wake_ups import WakeUps


class FakeWakeUps(WakeUps):
    """Counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def top_up_all(self) -> int:
        self.asked += 1
        return 0

    def top_up(self, queue: str) -> int:
        self.asked += 1
        return 0

    def forget_unused(self) -> Sequence[str]:
        return []
