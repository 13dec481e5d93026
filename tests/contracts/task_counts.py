"""The contract of TaskCounts, inherited by the tests of its fake and of its adapter."""

from datetime import timedelta

import pytest

from application.ports.task_counts import TaskCounts
from application.ports.task_leases import TaskLeases
from application.ports.task_repository import TaskRepository
from application.task_filter import EVERY_TASK, TaskFilter
from domain.status import Status
from domain.task import Task
from tests.building import AN_ERROR
from tests.contracts.attempt_log import end
from tests.storing import claim, completed, submit


class TaskCountsContract:
    @pytest.fixture
    def tasks(self, repository: TaskRepository, leases: TaskLeases) -> list[Task]:
        """Store tasks in several statuses, queues, types and labels."""
        submit(repository, labels={"team": "a"})
        repository.save(completed(claim(leases)))
        submit(repository)
        run = claim(leases)
        end(repository, run, run.fail(AN_ERROR, run.started_at))
        stored = [
            submit(repository, queue="other", labels={"team": "a", "x": "y"}) for _ in range(3)
        ]
        return [*stored, submit(repository, type="dance", labels={"team": "b"})]

    @pytest.mark.parametrize(
        ("wanted", "numbers"),
        [
            (EVERY_TASK, {"COMPLETED": 1, "FAILED": 1, "QUEUED": 4}),
            (
                TaskFilter(statuses=frozenset({Status.FAILED})),
                {"COMPLETED": 1, "FAILED": 1, "QUEUED": 4},
            ),
            (TaskFilter(queue="other"), {"QUEUED": 3}),
            (TaskFilter(queue="default"), {"COMPLETED": 1, "FAILED": 1, "QUEUED": 1}),
            (TaskFilter(type="dance"), {"QUEUED": 1}),
            (TaskFilter(labels={"team": "a"}), {"COMPLETED": 1, "QUEUED": 3}),
            (
                TaskFilter(labels={"team": "a", "x": "y"}, queue="other", type="sleep"),
                {"QUEUED": 3},
            ),
            (TaskFilter(labels={"team": "b"}, queue="other"), {}),
            (TaskFilter(queue="nothing"), {}),
        ],
        ids=str,
    )
    def test_each_status_is_counted(
        self,
        task_counts: TaskCounts,
        tasks: list[Task],
        wanted: TaskFilter,
        numbers: dict[str, int],
    ) -> None:
        found = task_counts.by_status(wanted)

        assert found.is_exact
        assert {status: number for status, number in found.numbers.items() if number} == numbers

    def test_a_span_of_time_counts_alone_and_with_other_conditions(
        self, task_counts: TaskCounts, tasks: list[Task]
    ) -> None:
        moment = timedelta(milliseconds=1)
        first, last = tasks[0].submitted_at, tasks[-1].submitted_at
        for wanted, queued in (
            (TaskFilter(submitted_after=first - moment, submitted_before=last + moment), 4),
            (TaskFilter(submitted_after=first - moment, queue="other"), 3),
            (TaskFilter(submitted_after=first - moment, queue="other", labels={"x": "y"}), 3),
            (TaskFilter(submitted_after=first - moment, queue="other", labels={"x": "n"}), 0),
            (TaskFilter(submitted_after=first - moment, queue="default", labels={"team": "b"}), 1),
            (TaskFilter(submitted_after=first - moment, queue="other", labels={"team": "b"}), 0),
            (TaskFilter(submitted_after=last), 0),
            (TaskFilter(submitted_after=last, type="dance"), 0),
        ):
            found = task_counts.by_status(wanted)
            assert found.is_exact
            assert found.numbers[Status.QUEUED] == queued, wanted

    def test_conditions_that_no_index_has_are_not_counted(
        self, task_counts: TaskCounts, tasks: list[Task]
    ) -> None:
        for wanted in (TaskFilter(text="x"), TaskFilter(task_name="test", queue="other")):
            found = task_counts.by_status(wanted)
            assert (found.is_exact, found.numbers) == (False, {})
