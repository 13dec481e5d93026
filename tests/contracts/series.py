"""The contract of Series, inherited by the tests of its fake and of its adapter.

The repository of the same store counts.
"""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest

from application.ports.series import HOUR, MAX_HOURS, MAX_MINUTES, MINUTE, Series
from application.ports.task_leases import TaskLeases
from application.ports.task_repository import Change, TaskRepository
from application.series import OTHERS, Counted, Counts, Interval, bucket_of
from application.task_totals import TaskTotals
from domain.retry_policy import RetryPolicy
from tests.building import AN_ERROR
from tests.storing import claim, submit


def whole(series: Series, step: timedelta = MINUTE, number: int = 60) -> Interval:
    """Return the sums of the last intervals. What a test does may happen in two minutes."""
    found = Interval()
    for _, interval in series.latest(step, number):
        found.follow(interval)
    return found


def numbers(counts: Counts) -> dict[Counted, int]:
    return {what: number for what, number in counts.of.items() if number}


def run_each_way(repository: TaskRepository, leases: TaskLeases) -> None:
    """Complete, fail, retry, lose, cancel and expire tasks of the type sleep in two queues."""
    submit(repository)
    run = claim(leases)
    later = run.started_at + timedelta(seconds=2)
    repository.save(Change(before=run, after=run.complete("done", later)))
    submit(repository, retry=RetryPolicy(max_attempts=1))
    run = claim(leases)
    repository.save(Change(before=run, after=run.fail(AN_ERROR, run.started_at)))
    submit(repository, retry=RetryPolicy(max_attempts=2, initial_delay=60))
    run = claim(leases)
    repository.save(Change(before=run, after=run.fail(AN_ERROR, run.started_at)))
    submit(repository)
    run = claim(leases)
    lost = repository.save(Change(before=run, after=run.lose(run.started_at)))
    repository.save(Change(before=lost, after=lost.cancel(lost.submitted_at)))
    submit(repository)
    run = claim(leases)
    handed_back = repository.save(Change(before=run, after=run.stop(run.started_at)))
    repository.save(Change(before=handed_back, after=handed_back.expire(run.started_at)))
    submit(repository, queue="other")


class SeriesContract:
    """`let_a_minute_pass` returns when the present minute is over."""

    def test_what_happens_is_counted_by_queue_and_type(
        self, repository: TaskRepository, leases: TaskLeases, series: Series
    ) -> None:
        run_each_way(repository, leases)

        found = whole(series)

        assert found.queues.keys() == {"default", "other"}
        assert numbers(found.queues["other"]) == {Counted.SUBMITTED: 1}
        assert numbers(found.queues["default"]) == {
            Counted.SUBMITTED: 5,
            Counted.COMPLETED: 1,
            Counted.FAILED: 1,
            Counted.RETRIED: 2,
            Counted.CANCELLED: 1,
            Counted.EXPIRED: 1,
        }
        assert found.types.keys() == {"sleep"}
        assert numbers(found.types["sleep"])[Counted.SUBMITTED] == 6
        run = found.types["sleep"].run
        assert run.total() == found.types["sleep"].wait.total() == 2
        assert run[bucket_of(timedelta(seconds=2))] == 1

    def test_totals_have_everything_before_and_after_a_minute_is_over(
        self,
        repository: TaskRepository,
        leases: TaskLeases,
        series: Series,
        let_a_minute_pass: Callable[[], None],
    ) -> None:
        assert series.totals() == TaskTotals()
        for times in (1, 2, 3):
            run_each_way(repository, leases)

            found = series.totals()
            while series.sum_up():
                pass

            assert numbers(found.queues[OTHERS]) == {Counted.SUBMITTED: times}
            assert numbers(found.queues["default"])[Counted.RETRIED] == 2 * times
            assert numbers(found.types["sleep"])[Counted.SUBMITTED] == 6 * times
            assert found.queues["default"].wait.total() == 2 * times
            assert found.types["sleep"].run[bucket_of(timedelta(seconds=2))] == times
            let_a_minute_pass()

    @pytest.mark.parametrize(("step", "number"), [(MINUTE, MAX_MINUTES), (HOUR, MAX_HOURS)])
    def test_intervals_follow_each_other_and_the_present_one_comes_last(
        self, repository: TaskRepository, series: Series, step: timedelta, number: int
    ) -> None:
        task = submit(repository)

        found = list(series.latest(step, number))

        assert len(found) == number
        assert all(later - earlier == step for (earlier, _), (later, _) in pairwise(found))
        assert found[-1][0] <= task.submitted_at + step
        assert task.submitted_at < found[-1][0] + step
        assert not any(interval.queues for _, interval in found[:-2])

    def test_sums_stay_the_same_and_have_the_backlog_when_a_minute_is_over(
        self,
        repository: TaskRepository,
        leases: TaskLeases,
        series: Series,
        let_a_minute_pass: Callable[[], None],
    ) -> None:
        run_each_way(repository, leases)
        before = whole(series)
        assert {counts.backlog for counts in before.queues.values()} == {None}
        let_a_minute_pass()

        for _ in range(2):
            while series.sum_up():
                pass

        for step in (MINUTE, HOUR):
            after = whole(series, step, 2 if step == HOUR else 60)
            assert after.queues["other"].backlog == 1
            assert after.queues["default"].backlog == 0
            for name, counts in before.queues.items():
                assert numbers(after.queues[name]) == numbers(counts)
                assert (after.queues[name].wait, after.queues[name].run) == (
                    counts.wait,
                    counts.run,
                )
            assert numbers(after.types["sleep"]) == numbers(before.types["sleep"])
