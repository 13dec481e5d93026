"""The amounts that are measured."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Plan:
    seconds: float = 4.0
    """Seconds of one round of one scenario and service."""
    rounds: int = 3
    tasks: int = 100_000
    """Number of tasks that are stored during the GETs."""
    few: int = 1_000
    many: int = 100_000
    """Numbers of stored tasks between which the time of a page is compared."""
    worker_tasks: int = 20_000
    """Number of empty tasks that a worker runs."""
    memory_tasks: int = 20_000
    """Number of tasks with which the memory of one is measured."""
    streams: int = 5_000
    """Number of streams that are open at once on one process of the API."""
    scale_tasks: int = 1_000_000
    """Number of tasks that are stored while filters are measured."""


QUICK = Plan(
    seconds=1.0,
    rounds=1,
    tasks=1_000,
    few=500,
    many=5_000,
    worker_tasks=1_000,
    memory_tasks=2_000,
    streams=500,
    scale_tasks=10_000,
)
"""A quick run that only shows that everything works; its figures mean little."""
