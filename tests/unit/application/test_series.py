"""Statistics over time: histograms, and the form for charts."""

import tracemalloc
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from application.ports.series import MINUTE, Series
from application.series import (
    MAX_BUCKET,
    OTHERS,
    Counted,
    Counts,
    Interval,
    bucket_of,
    percentile,
)
from application.task_totals import TaskTotals
from application.use_cases.operations.get_series import (
    MAX_SERIES,
    GetSeries,
    Grouping,
    Span,
    TimeSeries,
)
from tests.fakes.clock import FakeClock
from tests.fakes.series import FakeSeries
from tests.fakes.task_store import FakeTaskStore
from tests.storing import submit

SECONDS = st.floats(min_value=0.001, max_value=23 * 86_400)


@given(st.lists(SECONDS, min_size=1, max_size=50), st.sampled_from([50, 95]))
def test_a_percentile_is_at_most_12_percent_from_the_truth(
    durations: list[float], share: int
) -> None:
    histogram = Counter(bucket_of(timedelta(seconds=each)) for each in durations)
    truth = sorted(durations)[-(-len(durations) * share // 100) - 1]

    found = percentile(histogram, share)

    assert found is not None
    assert abs(found - truth) <= 0.12 * truth + 0.0001


def test_durations_of_any_length_have_a_bucket() -> None:
    assert bucket_of(timedelta(seconds=-5)) == bucket_of(timedelta(microseconds=999)) == 0
    assert bucket_of(timedelta.max) == MAX_BUCKET
    assert percentile({0: 1}, 50) == 0
    assert percentile({}, 50) is None


def test_the_queues_with_the_most_tasks_are_shown_and_the_others_together(
    store: FakeTaskStore, clock: FakeClock
) -> None:
    for number in range(MAX_SERIES + 5):
        for _ in range(1 + (number >= 5)):
            submit(store, queue=f"queue-{number:02}")

    report = GetSeries(FakeSeries(store, clock)).execute(Span.FIVE_MINUTES, Grouping.QUEUE)

    assert [each.name for each in report.series] == [
        f"queue-{number:02}" for number in range(5, 25)
    ]
    assert report.others is not None
    assert sum(report.others.counts["submitted"]) == 5
    assert sum(report.total.counts["submitted"]) == 5 + 2 * MAX_SERIES
    assert len(report.begins_at) == len(report.total.backlog) == 5


class GivenSeries(Series):
    """A series whose minutes are given."""

    def __init__(self, minutes: Sequence[Mapping[str, Counts]]) -> None:
        self._minutes = minutes

    def sum_up(self) -> bool:
        return False

    def totals(self) -> TaskTotals:
        return TaskTotals()

    def latest(self, step: timedelta, number: int) -> Iterator[tuple[datetime, Interval]]:
        beginning = datetime(2026, 1, 1, tzinfo=UTC)
        for at, queues in zip(range(number), self._minutes, strict=True):
            yield beginning + at * step, Interval(queues=dict(queues))


SMALL = st.integers(0, 3)
HISTOGRAMS = st.dictionaries(st.integers(0, MAX_BUCKET), st.integers(1, 3), max_size=2)
COUNTS = st.builds(
    Counts,
    of=st.builds(Counter, st.dictionaries(st.sampled_from(Counted), SMALL, max_size=2)),
    wait=st.builds(Counter, HISTOGRAMS),
    run=st.builds(Counter, HISTOGRAMS),
    backlog=st.none() | SMALL,
)
QUEUES = st.sampled_from([OTHERS, *(f"queue-{number:02}" for number in range(MAX_SERIES + 10))])


@given(st.lists(st.dictionaries(QUEUES, COUNTS, max_size=MAX_SERIES + 10), min_size=5, max_size=5))
def test_the_report_has_what_a_plain_sum_of_all_values_gives(
    minutes: list[dict[str, Counts]],
) -> None:
    report = GetSeries(GivenSeries(minutes)).execute(Span.FIVE_MINUTES, Grouping.QUEUE)

    activity = Counter[str]()
    for queues in minutes:
        for name, counts in queues.items():
            activity[name] += counts.activity
    most = [name for name, number in activity.most_common() if number and name != OTHERS]
    shown = sorted(most[:MAX_SERIES])
    others = activity.keys() - set(shown)
    assert _values(report.total) == _plain(minutes, set(activity))
    assert [each.name for each in report.series] == shown
    for each in report.series:
        assert _values(each) == _plain(minutes, {each.name})
    if not any(activity[name] for name in others):
        assert report.others is None
    else:
        assert report.others is not None
        assert _values(report.others) == {
            **_plain(minutes, others),
            **dict.fromkeys(("wait_p50", "wait_p95", "run_p50", "run_p95"), [None] * 5),
        }
    assert report.begins_at == [report.begins_at[0] + at * MINUTE for at in range(5)]


def test_only_the_values_of_names_that_are_shown_are_held_and_others_run() -> None:
    counts = Counts(of=Counter({Counted.SUBMITTED: 1}), backlog=1)
    minute = {f"queue-{number:03}": counts for number in range(200)}
    yielded = [0]

    def let_others_run() -> None:
        yielded[0] += 1

    series = GetSeries(GivenSeries([minute] * 120), let_others_run)
    tracemalloc.start()
    try:
        report = series.execute(Span.TWO_HOURS, Grouping.QUEUE)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(report.series) == MAX_SERIES
    assert peak < 3_000_000, "200 names would take three times as much"
    assert yielded[0] >= 2 * 200 * 120, "before each name of each minute"


def test_others_run_while_the_names_with_the_most_tasks_are_chosen() -> None:
    counts = Counts(of=Counter({Counted.SUBMITTED: 1}))
    minutes = [{f"{minute}-{number}": counts for number in range(1_000)} for minute in range(5)]
    yielded: list[None] = []

    series = GetSeries(GivenSeries(minutes), lambda: yielded.append(None))
    series.execute(Span.FIVE_MINUTES, Grouping.QUEUE)

    assert len(yielded) >= 3 * 5_000, "when names are summed up, chosen and shown"


def _values(series: TimeSeries) -> dict[str, Any]:
    values = {name: list(each) for name, each in vars(series).items() if name[-4:-2] == "_p"}
    counts = {what: list(each) for what, each in series.counts.items()}
    return {**values, **counts, "backlog": list(series.backlog)}


def _plain(minutes: list[dict[str, Counts]], names: set[str | None]) -> dict[str, Any]:
    """Return the values of these queues together."""
    found = [[queues[name] for name in queues if name in names] for queues in minutes]
    values: dict[str, Any] = {
        what: [sum(counts.of[what] for counts in each) for each in found] for what in Counted
    }
    backlogs = [[c.backlog for c in each if c.backlog is not None] for each in found]
    values["backlog"] = [sum(each) if each else None for each in backlogs]
    for name in ("wait", "run"):
        sums = [sum((getattr(counts, name) for counts in each), Counter()) for each in found]
        for share in (50, 95):
            values[f"{name}_p{share}"] = [percentile(each, share) for each in sums]
    return values
