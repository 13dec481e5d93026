"""The contract of Statistics, inherited by the tests of its fake and of its adapter."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from application.ports.statistics import Occurrence, Statistics
from application.ports.task_leases import TaskLeases
from application.ports.task_repository import Change, TaskRepository
from domain.status import Status
from domain.task_error import TaskError
from tests.storing import claim, submit


class StatisticsContract:
    def test_tasks_are_counted_by_status_type_and_queue(
        self, repository: TaskRepository, leases: TaskLeases, statistics: Statistics
    ) -> None:
        submit(repository), submit(repository, type="dance"), submit(repository, queue="other")
        claim(leases)

        assert {status: number for status, number in statistics.by_status().items() if number} == {
            Status.QUEUED: 2,
            Status.PROCESSING: 1,
        }
        assert statistics.by_status().keys() == set(Status)
        assert statistics.by_type() == {"sleep": 2, "dance": 1}
        assert statistics.by_queue() == {"default": 2, "other": 1}

    def test_each_minute_of_the_last_hour_counts_what_happened_in_it(
        self, repository: TaskRepository, leases: TaskLeases, statistics: Statistics
    ) -> None:
        for outcome in ("completed", "failed", "cancelled"):
            task = submit(repository)
            if outcome == "cancelled":
                repository.save(Change(before=task, after=task.cancel(datetime.now(UTC))))
                continue
            run = claim(leases)
            error = TaskError(code="handler_error", message="no")
            now = datetime.now(UTC)
            after = run.complete(None, now) if outcome == "completed" else run.fail(error, now)
            repository.save(Change(before=run, after=after))

        hour = statistics.last_hour()

        assert len(hour) == 60
        assert all(
            later.begins_at - minute.begins_at == timedelta(minutes=1)
            for minute, later in pairwise(hour)
        )
        assert [
            sum(getattr(minute, name) for minute in hour[-2:])
            for name in ("submitted", "completed", "failed")
        ] == [3, 1, 1]
        assert not any(minute.submitted for minute in hour[:-2])

    def test_starts_and_lost_runs_are_counted_for_good(
        self,
        repository: TaskRepository,
        leases: TaskLeases,
        statistics: Statistics,
        let_leases_run_out: Callable[[], None],
    ) -> None:
        assert set(statistics.occurrences().values()) == {0}
        assert statistics.occurrences().keys() == set(Occurrence)
        submit(repository)
        run = claim(leases)
        repository.save(Change(before=run, after=run.lose(run.started_at)))
        run = claim(leases)
        let_leases_run_out()
        after = run.lose(run.started_at)
        lost = repository.save(Change(before=run, after=after, only_if_lease_expired=True))
        repository.remove(
            repository.save(Change(before=lost, after=lost.cancel(datetime.now(UTC))))
        )

        assert {each: number for each, number in statistics.occurrences().items() if number} == {
            Occurrence.RUN_STARTED: 2,
            Occurrence.RUN_LOST: 2,
            Occurrence.LEASE_LOST: 1,
        }

    def test_durations_are_of_tasks_that_ran(
        self, repository: TaskRepository, leases: TaskLeases, statistics: Statistics
    ) -> None:
        assert (
            list(statistics.durations(tasks=10).wait),
            list(statistics.durations(tasks=10).run),
        ) == ([], [])
        submit(repository)
        run = claim(leases)
        done = repository.save(Change(before=run, after=run.complete(None, datetime.now(UTC))))
        waiting = submit(repository)
        repository.save(Change(before=waiting, after=waiting.cancel(datetime.now(UTC))))

        durations = statistics.durations(tasks=10)

        assert list(durations.wait) == [(run.started_at - run.submitted_at).total_seconds()]
        assert list(durations.run) == [(done.finished_at - run.started_at).total_seconds()]
