"""Statistics over time, in the form that charts use."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from application.ports.series import HOUR, MINUTE, Series
from application.series import OTHERS, Counted, Counts, Interval, percentile

MAX_SERIES = 20
"""Queues or types that are shown each on its own."""

Values = Sequence[float | None]


class Span(StrEnum):
    FIVE_MINUTES = "5m"
    HOUR = "60m"
    TWO_HOURS = "2h"
    DAY = "24h"
    WEEK = "7d"
    TWO_WEEKS = "14d"


STEPS = {
    Span.FIVE_MINUTES: (MINUTE, 5),
    Span.HOUR: (MINUTE, 60),
    Span.TWO_HOURS: (MINUTE, 120),
    Span.DAY: (HOUR, 24),
    Span.WEEK: (HOUR, 7 * 24),
    Span.TWO_WEEKS: (HOUR, 14 * 24),
}
"""The step of each span, and the number of steps."""


class Grouping(StrEnum):
    QUEUE = "queue"
    TYPE = "type"


@dataclass(frozen=True, kw_only=True)
class TimeSeries:
    """Values of one queue or type, or of all: one for each step."""

    name: str | None
    counts: dict[Counted, Sequence[int]]
    backlog: Values
    wait_p50: Values
    """Percentiles in seconds; None where nothing ended after a run."""
    wait_p95: Values
    run_p50: Values
    run_p95: Values


@dataclass(frozen=True, kw_only=True)
class SeriesReport:
    step: timedelta
    begins_at: Sequence[datetime]
    total: TimeSeries
    series: Sequence[TimeSeries]
    """The queues or types with the most tasks, MAX_SERIES at most, by name."""
    others: TimeSeries | None
    """All other queues or types together; None without any."""


class GetSeries:
    def __init__(self, series: Series, let_others_run: Callable[[], None] = lambda: None) -> None:
        self._series = series
        self._let_others_run = let_others_run

    def execute(self, span: Span, by: Grouping) -> SeriesReport:
        """Return what was counted in each minute or hour of the span. Raises StoreUnavailable."""
        step, number = STEPS[span]
        intervals = self._series.latest(step, number)
        columns = [self._groups(interval, by) for _, interval in intervals]
        totals = [self._sum(groups.values()) for groups in columns]
        names = _names(columns)
        others = [
            self._sum(counts for name, counts in groups.items() if name not in names)
            for groups in columns
        ]
        return SeriesReport(
            step=step,
            begins_at=[begins_at for begins_at, _ in intervals],
            total=self._time_series(None, totals),
            series=[
                self._time_series(name, [groups.get(name, NOTHING) for groups in columns])
                for name in names
            ],
            others=self._time_series(None, others) if any(c.activity for c in others) else None,
        )

    def _groups(self, interval: Interval, by: Grouping) -> dict[str, Counts]:
        self._let_others_run()
        return interval.queues if by is Grouping.QUEUE else interval.types

    def _sum(self, groups: Iterable[Counts]) -> Counts:
        self._let_others_run()
        total = Counts()
        for counts in groups:
            total.merge(counts)
        return total

    def _time_series(self, name: str | None, counts: Sequence[Counts]) -> TimeSeries:
        self._let_others_run()
        return TimeSeries(
            name=name,
            counts={what: [each.of[what] for each in counts] for what in Counted},
            backlog=[each.backlog for each in counts],
            wait_p50=[percentile(each.wait, 50) for each in counts],
            wait_p95=[percentile(each.wait, 95) for each in counts],
            run_p50=[percentile(each.run, 50) for each in counts],
            run_p95=[percentile(each.run, 95) for each in counts],
        )


NOTHING = Counts()


def _names(columns: Sequence[dict[str, Counts]]) -> Sequence[str]:
    """Return the names with the most tasks, sorted."""
    activity: dict[str, int] = {}
    for groups in columns:
        for name, counts in groups.items():
            activity[name] = activity.get(name, 0) + counts.activity
    activity.pop(OTHERS, None)
    active = (name for name in activity if activity[name])
    return sorted(sorted(active, key=lambda name: -activity[name])[:MAX_SERIES])
