"""Count the tasks that match a filter."""

from application.ports.task_counts import StatusCounts, TaskCounts
from application.task_filter import TaskFilter


class CountTasks:
    def __init__(self, task_counts: TaskCounts) -> None:
        self._task_counts = task_counts

    def execute(self, wanted: TaskFilter) -> StatusCounts:
        """Return the number of matching tasks by status, where it is cheap to know.

        Raises StoreUnavailable.
        """
        return self._task_counts.by_status(wanted)
