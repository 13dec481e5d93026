"""The amounts that are measured."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Plan:
    seconds: float = 3.0
    """Seconds of one round of one operation and subject."""
    rounds: int = 3
    tasks: int = 100_000
    """Number of tasks that are stored during the reads and filters."""
    few: int = 1_000
    """Number of stored tasks with which `tasks` is compared."""
    flower_tasks: int = 10_000
    """Number of tasks that Flower holds."""
    worker_seconds: float = 2.5
    """Seconds for which the jobs of a worker last, about."""
    memory_tasks: int = 10_000
    """Number of tasks with which the bytes of one are measured."""
    starts: int = 300
    """Number of submits to an idle stack."""
    peers: bool = True
    """False: compare with the plain service and plain Celery alone."""


QUICK = Plan(
    seconds=0.5,
    rounds=1,
    tasks=3_000,
    few=500,
    flower_tasks=200,
    worker_seconds=0.2,
    memory_tasks=500,
    starts=20,
)
"""A quick run that only shows that everything works; its figures mean little."""
