"""The sizes at which the cost is measured."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ScalingPlan:
    seconds: float = 3.0
    """Seconds of one measurement."""
    stored: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)
    clients: tuple[int, ...] = (1, 10, 100, 1_000)
    children: tuple[int, ...] = (1, 2, 4, 8)
    events: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)
    labels: tuple[int, ...] = (0, 1, 4, 16)
    label_tasks: int = 20_000
    queues: tuple[int, ...] = (1, 10, 100, 1_000)
    streams: int = 5_000


QUICK = ScalingPlan(
    seconds=0.5,
    stored=(1_000, 3_000),
    clients=(1, 20),
    children=(1, 2),
    events=(1_000, 2_000),
    labels=(0, 2),
    label_tasks=1_000,
    queues=(1, 20),
    streams=100,
)
"""A quick run that only shows that everything works."""
