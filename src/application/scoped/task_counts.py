"""The numbers of the tasks that the present caller has."""

from dataclasses import replace

from application.ports.callers import Callers
from application.ports.task_counts import StatusCounts, TaskCounts
from application.task_filter import TaskFilter
from domain.status import Status


class ScopedTaskCounts(TaskCounts):
    def __init__(self, task_counts: TaskCounts, callers: Callers) -> None:
        self._task_counts = task_counts
        self._callers = callers

    def by_status(self, wanted: TaskFilter) -> StatusCounts:
        narrowed = self._callers.current().narrow(wanted)
        if not narrowed.queues:
            return self._task_counts.by_status(narrowed)
        # Each task has one queue, so the numbers of several queues add up.
        return _sum(
            [
                self._task_counts.by_status(replace(narrowed, queues=frozenset(), queue=queue))
                for queue in sorted(narrowed.queues)
            ]
        )


def _sum(parts: list[StatusCounts]) -> StatusCounts:
    """Return the sums of those statuses that every part knows."""
    known = [status for status in Status if all(status in part.numbers for part in parts)]
    return StatusCounts({status: sum(part.numbers[status] for part in parts) for status in known})
