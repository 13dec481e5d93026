"""Count and time the tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from application.ports.statistics import Minute, Statistics
from application.ports.store_probe import StoreProbe
from application.store_rules import refuses_new_tasks
from domain.status import Status

SAMPLE = 1_000
PERCENTILES = (50, 95, 99)


@dataclass(frozen=True, kw_only=True)
class StoreUse:
    """How full the store is. Sizes are in bytes."""

    used_memory: int
    max_memory: int
    """0: without limit."""
    is_full: bool
    """New tasks are refused, because memory or disk is full."""


@dataclass(frozen=True, kw_only=True)
class TaskStatistics:
    by_status: Mapping[Status, int]
    by_type: Mapping[str, int]
    by_queue: Mapping[str, int]
    last_hour: Sequence[Minute]
    sample: int
    """Number of tasks whose durations were measured."""
    wait_seconds: Mapping[int, float]
    """Seconds by percentile; empty when no task has finished."""
    run_seconds: Mapping[int, float]
    store: StoreUse

    @property
    def total(self) -> int:
        """The number of all tasks."""
        return sum(self.by_status.values())


class GetStatistics:
    def __init__(self, statistics: Statistics, probe: StoreProbe) -> None:
        self._statistics = statistics
        self._probe = probe

    def execute(self) -> TaskStatistics:
        """Counts are of now; wait and run times are of the last 1,000 tasks that finished after a
        run. Raises StoreUnavailable.
        """
        capacity = self._probe.capacity()
        durations = self._statistics.durations(tasks=SAMPLE)
        return TaskStatistics(
            by_status=self._statistics.by_status(),
            by_type=self._statistics.by_type(),
            by_queue=self._statistics.by_queue(),
            last_hour=self._statistics.last_hour(),
            sample=len(durations.run),
            wait_seconds=_percentiles(durations.wait),
            run_seconds=_percentiles(durations.run),
            store=StoreUse(
                used_memory=capacity.used_memory,
                max_memory=capacity.max_memory,
                is_full=refuses_new_tasks(capacity),
            ),
        )


def _percentiles(values: Sequence[float]) -> dict[int, float]:
    """The nearest rank: the least value that so many percent do not exceed."""
    ordered = sorted(values)
    return (
        {share: ordered[-(-len(ordered) * share // 100) - 1] for share in PERCENTILES}
        if ordered
        else {}
    )
