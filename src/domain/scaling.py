"""How many places a queue needs. A place runs one task at a time; a worker has several."""

from dataclasses import dataclass
from datetime import timedelta
from math import ceil


@dataclass(frozen=True, kw_only=True)
class QueueLoad:
    """The work of one queue, and what was measured of it."""

    waiting: int
    """Number of tasks that could start now."""
    running: int
    run_seconds: float | None
    """Mean seconds of a run; None if none was measured."""


def desired_places(load: QueueLoad, drain: timedelta) -> int:
    """Return the number of places with which the waiting tasks start within about `drain`.

    It is the larger of two numbers of places:

    - (waiting + running) x min(run_seconds / drain, 1), rounded up. One place ends
      drain / run_seconds runs within the drain time (seconds by seconds), so this many end all the
      tasks that are here. If a run takes longer than the drain time, no place becomes free in time,
      and each task needs a place of its own. The same holds while no run was measured, because
      waiting for a first measurement may take hours.
    - running. A smaller number would take places from runs that have not ended.

    The number does not depend on how many places there are, so it does not grow while workers are
    starting.
    """
    share = 1.0
    if load.run_seconds is not None:
        share = min(load.run_seconds / drain.total_seconds(), 1.0)
    return max(ceil((load.waiting + load.running) * share), load.running)
