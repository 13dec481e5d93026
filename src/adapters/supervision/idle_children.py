"""Finds the children of a worker that have a wake-up and do nothing with it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from adapters.supervision.linux import cpu_seconds

IDLE_SECONDS = 10.0
"""Time for which a child may have one wake-up, no run, and do nothing.

A child claims within milliseconds, and returns the wake-up within a second after its last run. A
longer time shows that the child or its pipes are unusable, for instance after work has written
garbage into them.
"""
BUSY_SECONDS = 60.0
"""Time for which a child may have one wake-up and no run in spite of all that it does.

On a machine that many processes wait for, a new child may need 10 seconds until its first claim.
"""
SMALL_CPU_SECONDS = 0.02
"""Two ticks of the clock by which the kernel counts: a child that stands still uses none."""

WakeUp = tuple[int, int]
"""A child's process id, and the number of the wake-up that it works on."""


@dataclass(frozen=True)
class _Idle:
    since: float
    still_since: float
    """Time since which it has used next to no CPU."""
    cpu: float
    """CPU seconds that it had used by then."""


class IdleChildren:
    def __init__(self, cpu_of: Callable[[int], float] = cpu_seconds) -> None:
        """`cpu_of` returns the CPU seconds that a process has used."""
        self._cpu_of = cpu_of
        self._idle: dict[WakeUp, _Idle] = {}

    def forget(self) -> None:
        """Begin again: nothing that the children do now says whether they are usable."""
        self._idle = {}

    def unusable(self, idle: Iterable[WakeUp], now: float) -> dict[int, float]:
        """Return the children to kill, each with the seconds for which it has been idle.

        `idle` has the children that hold a wake-up and no run now.
        """
        self._idle = {wake_up: self._looked_at(wake_up, now) for wake_up in idle}
        return {
            pid: now - each.since
            for (pid, _), each in self._idle.items()
            if now - each.still_since >= IDLE_SECONDS or now - each.since >= BUSY_SECONDS
        }

    def _looked_at(self, wake_up: WakeUp, now: float) -> _Idle:
        cpu = self._cpu_of(wake_up[0])
        idle = self._idle.get(wake_up)
        if idle is None:
            return _Idle(now, now, cpu)
        if cpu - idle.cpu > SMALL_CPU_SECONDS:
            return replace(idle, still_since=now, cpu=cpu)
        return idle
