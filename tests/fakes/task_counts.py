from dataclasses import replace

from application.ports.task_counts import StatusCounts, TaskCounts
from application.task_filter import TaskFilter
from domain.status import Status
from tests.fakes.task_store import FakeTaskStore


class FakeTaskCounts(TaskCounts):
    def __init__(self, store: FakeTaskStore) -> None:
        self._store = store

    def by_status(self, wanted: TaskFilter) -> StatusCounts:
        if wanted.needs_scan:
            return StatusCounts({})
        tasks = list(filter(replace(wanted, statuses=frozenset()).matches, self._store.tasks()))
        return StatusCounts({each: sum(task.status is each for task in tasks) for each in Status})
