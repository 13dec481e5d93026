"""How much is measured."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Plan:
    seconds: float = 4.0
    """One round of one scenario and service."""
    rounds: int = 3
    tasks: int = 100_000
    """Stored during the GETs."""
    few: int = 1_000
    many: int = 100_000
    """Stored while it is measured whether a page takes longer with more tasks."""
    worker_tasks: int = 20_000
    """Empty ones, for a worker to run."""
    memory_tasks: int = 20_000
    """Made to measure the memory that one takes."""
    streams: int = 5_000
    """Open at once on one process of the API."""
    scale_tasks: int = 1_000_000
    """Stored while filters are measured."""


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
"""To see that everything works; its figures are worth little."""
