"""Statistics over time: histograms, and the form for charts."""

from collections import Counter
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from application.series import MAX_BUCKET, bucket_of, percentile
from application.use_cases.operations.get_series import MAX_SERIES, GetSeries, Grouping, Span
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
