"""The contract of RunLog, inherited by the tests of its fake and of its adapter."""

from datetime import UTC, datetime

import pytest

from application.errors import StaleTask
from application.ports.run import MAX_LOG_BYTES, RunLog, RunReport
from application.ports.task_leases import TaskLeases
from application.ports.task_repository import Change, TaskRepository
from domain.task import Task
from domain.task_state import Progress
from tests.building import AN_ERROR
from tests.storing import claim, submit

HALF = Progress(fraction=0.5, message="half")


class RunLogContract:
    @pytest.fixture
    def run(self, repository: TaskRepository, leases: TaskLeases) -> Task:
        """Submit a task and claim it."""
        submit(repository)
        return claim(leases)

    def test_reports_of_many_runs_are_kept_and_those_of_runs_that_are_over_are_not(
        self, repository: TaskRepository, leases: TaskLeases, run_log: RunLog, run: Task
    ) -> None:
        submit(repository)
        over = claim(leases, owner="a:2")
        repository.save(Change(before=over, after=over.fail(AN_ERROR, datetime.now(UTC))))

        run_log.append_each(
            [RunReport(run=each, progress=HALF, lines=["one", "two"]) for each in (over, run)]
        )

        assert [line.message for line in run_log.lines(run.task_id)] == ["one", "two"]
        assert run_log.lines(over.task_id) == []
        assert repository.get(run.task_id).progress == HALF

    def test_progress_is_kept_and_changes_no_version(
        self, repository: TaskRepository, run_log: RunLog, run: Task
    ) -> None:
        assert run_log.append(run, progress=HALF)

        stored = repository.get(run.task_id)
        assert (stored.progress, stored.version) == (HALF, run.version)

    def test_what_was_reported_last_stays_on_a_failed_task(
        self, repository: TaskRepository, run_log: RunLog, run: Task
    ) -> None:
        run_log.append(run, progress=HALF)

        repository.save(Change(before=run, after=run.fail(AN_ERROR, datetime.now(UTC))))

        assert repository.get(run.task_id).progress == HALF

    def test_a_completed_task_has_no_progress(
        self, repository: TaskRepository, run_log: RunLog, run: Task
    ) -> None:
        run_log.append(run, progress=HALF)

        repository.save(Change(before=run, after=run.complete("done", datetime.now(UTC))))

        assert repository.get(run.task_id).progress is None

    def test_a_completed_task_has_no_progress_when_its_worker_claims_another(
        self, repository: TaskRepository, leases: TaskLeases, run_log: RunLog, run: Task
    ) -> None:
        run_log.append(run, progress=HALF)

        end = Change(before=run, after=run.complete("done", datetime.now(UTC)))
        leases.finish_and_claim(end, "default", owner="a:1", claim_id="2")

        assert repository.get(run.task_id).progress is None

    def test_a_task_that_waits_again_has_no_progress(
        self, repository: TaskRepository, run_log: RunLog, run: Task
    ) -> None:
        run_log.append(run, progress=HALF)

        repository.save(Change(before=run, after=run.lose(run.started_at)))

        assert repository.get(run.task_id).progress is None

    def test_a_run_that_is_over_can_report_nothing(
        self, repository: TaskRepository, leases: TaskLeases, run_log: RunLog, run: Task
    ) -> None:
        repository.save(Change(before=run, after=run.lose(run.started_at)))
        again = claim(leases, owner="b:1")

        assert not run_log.append(run, progress=HALF)
        assert not run_log.append(run, lines=["late"])
        assert repository.get(run.task_id) == again
        assert run_log.append(again, lines=["in time"])

    def test_the_end_of_a_run_leaves_a_line_under_its_attempt_and_a_refused_one_none(
        self, repository: TaskRepository, run_log: RunLog, run: Task
    ) -> None:
        lost = Change(before=run, after=run.lose(run.started_at, "It broke."), log="It broke.")

        repository.save(lost)
        with pytest.raises(StaleTask):
            repository.save(lost)

        assert [(line.attempt, line.message) for line in run_log.lines(run.task_id)] == [
            (1, "It broke.")
        ]

    def test_the_last_thousand_lines_are_kept_with_their_attempt(
        self, run_log: RunLog, run: Task
    ) -> None:
        assert list(run_log.lines(run.task_id)) == []

        for number in range(1_001):
            run_log.append(run, lines=[f"Größe\n{number}"])

        lines = run_log.lines(run.task_id)
        assert [line.message for line in lines] == [
            f"Größe\n{number}" for number in range(1, 1_001)
        ]
        assert {line.attempt for line in lines} == {1}
        assert all(line.at >= run.started_at for line in lines)

    def test_a_log_has_a_limit_in_bytes_and_loses_its_oldest_lines_first(
        self, run_log: RunLog, run: Task
    ) -> None:
        said = [f"{number:03} " + "🥁" * 1_996 for number in range(300)]

        for at in range(0, 300, 60):
            run_log.append(run, lines=said[at : at + 60])

        kept = [line.message for line in run_log.lines(run.task_id)]
        assert kept == said[-len(kept) :]
        size = sum(len(line.encode()) for line in kept)
        assert MAX_LOG_BYTES - 20_000 < size <= MAX_LOG_BYTES
        run_log.append(run, lines=["the end"])
        assert run_log.lines(run.task_id)[-1].message == "the end"

    def test_lines_are_numbered_and_read_after_a_number_also_when_earlier_ones_were_dropped(
        self, run_log: RunLog, run: Task
    ) -> None:
        assert list(run_log.lines(run.task_id, 5)) == []
        run_log.append(run, lines=["one", "two", "three"])

        def numbered(after: int) -> list[tuple[int, str]]:
            return [(line.number, line.message) for line in run_log.lines(run.task_id, after)]

        assert numbered(0) == [(1, "one"), (2, "two"), (3, "three")]
        assert numbered(2) == [(3, "three")]
        assert numbered(3) == numbered(10**15) == []
        for at in range(0, 1_000, 100):
            run_log.append(run, lines=[f"{at + number}" for number in range(100)])
        assert numbered(1_001) == [(1_002, "998"), (1_003, "999")]
        assert numbered(0)[0] == numbered(3)[0] == (4, "0")
        assert len(numbered(0)) == 1_000
        some = run_log.lines(run.task_id, 500, limit=3)
        assert [line.number for line in some] == [501, 502, 503]
        assert len(run_log.lines(run.task_id, 1_001, limit=3)) == 2
        assert list(run_log.lines(run.task_id, 1_003, limit=3)) == []
