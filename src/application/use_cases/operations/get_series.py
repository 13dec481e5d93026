"""Statistics over time, in the form that charts use."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from heapq import nlargest
from typing import NamedTuple

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
    """All other queues or types together, without percentiles; None without any."""


class GetSeries:
    def __init__(self, series: Series, let_others_run: Callable[[], None] = lambda: None) -> None:
        self._series = series
        self._let_others_run = let_others_run

    def execute(self, span: Span, by: Grouping) -> SeriesReport:
        """Return what was counted in each minute or hour of the span. Raises StoreUnavailable.

        The span is read twice, first to find the names that are shown, so that only their values
        are held. What is counted in between may not change their choice.
        """
        step, number = STEPS[span]
        begins_at: list[datetime] = []
        totals: list[_Row] = []
        rows: dict[str, list[_Row]] = {name: [] for name in self._names(step, number, by)}
        others: list[_Row] = []
        for beginning, interval in self._series.latest(step, number):
            groups = _groups(interval, by)
            begins_at.append(beginning)
            total = self._sum(counts for name, counts in groups.items() if name not in rows)
            others.append(_row_without_percentiles(total))
            for name, shown in rows.items():
                self._let_others_run()
                counts = groups.get(name, NOTHING)
                shown.append(_row(counts))
                total.merge(counts)
            totals.append(_row(total))
        return SeriesReport(
            step=step,
            begins_at=begins_at,
            total=_time_series(None, totals),
            series=[_time_series(name, shown) for name, shown in rows.items()],
            others=_time_series(None, others) if any(row.activity for row in others) else None,
        )

    def _names(self, step: timedelta, number: int, by: Grouping) -> Sequence[str]:
        """Return the names with the most tasks, sorted."""
        activity: Counter[str] = Counter()
        for _, interval in self._series.latest(step, number):
            for name, counts in _groups(interval, by).items():
                self._let_others_run()
                activity[name] += counts.activity
        del activity[OTHERS]
        return sorted(nlargest(MAX_SERIES, self._active(activity), key=activity.__getitem__))

    def _active(self, activity: Mapping[str, int]) -> Iterator[str]:
        """Yield the names. There may be hundreds of thousands, if queues come and go."""
        for name, number in activity.items():
            self._let_others_run()
            if number:
                yield name

    def _sum(self, groups: Iterable[Counts]) -> Counts:
        total = Counts()
        for counts in groups:
            self._let_others_run()
            total.merge(counts)
        return total


class _Row(NamedTuple):
    """The values of one queue or type in one step."""

    counts: tuple[int, ...]
    backlog: int | None = None
    percentiles: tuple[float | None, ...] = (None, None, None, None)

    @property
    def activity(self) -> int:
        return sum(self.counts) + (self.backlog or 0)


NOTHING = Counts()


def _groups(interval: Interval, by: Grouping) -> Mapping[str, Counts]:
    return interval.queues if by is Grouping.QUEUE else interval.types


def _row(counts: Counts) -> _Row:
    durations = ((counts.wait, 50), (counts.wait, 95), (counts.run, 50), (counts.run, 95))
    percentiles = tuple(percentile(histogram, share) for histogram, share in durations)
    return _row_without_percentiles(counts)._replace(percentiles=percentiles)


def _row_without_percentiles(counts: Counts) -> _Row:
    return _Row(tuple(counts.of[what] for what in Counted), counts.backlog)


def _time_series(name: str | None, rows: Sequence[_Row]) -> TimeSeries:
    counts = zip(*(row.counts for row in rows), strict=True)
    wait_p50, wait_p95, run_p50, run_p95 = zip(*(row.percentiles for row in rows), strict=True)
    return TimeSeries(
        name=name,
        counts=dict(zip(Counted, counts, strict=True)),
        backlog=[row.backlog for row in rows],
        wait_p50=wait_p50,
        wait_p95=wait_p95,
        run_p50=run_p50,
        run_p95=run_p95,
    )
