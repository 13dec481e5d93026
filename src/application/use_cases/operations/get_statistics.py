"""Count and time the tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from application.ports.statistics import Minute, Statistics
from domain.status import Status

SAMPLE = 1_000
PERCENTILES = (50, 95, 99)


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

    @property
    def total(self) -> int:
        """The number of all tasks."""
        return sum(self.by_status.values())


class GetStatistics:
    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics

    def execute(self) -> TaskStatistics:
        """Counts are of now; wait and run times are of the last 1,000 tasks that finished after a
        run.
        """
        durations = self._statistics.durations(tasks=SAMPLE)
        return TaskStatistics(
            by_status=self._statistics.by_status(),
            by_type=self._statistics.by_type(),
            by_queue=self._statistics.by_queue(),
            last_hour=self._statistics.last_hour(),
            sample=len(durations.run),
            wait_seconds=_percentiles(durations.wait),
            run_seconds=_percentiles(durations.run),
        )


def _percentiles(values: Sequence[float]) -> dict[int, float]:
    """The nearest rank: the least value that so many percent do not exceed."""
    ordered = sorted(values)
    return (
        {share: ordered[-(-len(ordered) * share // 100) - 1] for share in PERCENTILES}
        if ordered
        else {}
    )
