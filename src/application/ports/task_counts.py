"""The number of tasks by status, for a filter."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from application.task_filter import TaskFilter
from domain.status import Status


@dataclass(frozen=True)
class StatusCounts:
    numbers: Mapping[Status, int]
    """Numbers by status; a status whose number is not known is left out."""

    @property
    def is_exact(self) -> bool:
        """Return whether the number of each status is known."""
        return self.numbers.keys() == set(Status)


class TaskCounts(ABC):
    @abstractmethod
    def by_status(self, wanted: TaskFilter) -> StatusCounts:
        """Return how many tasks of each status match the filter, whose `statuses` are ignored.

        An adapter need not know the numbers of conditions that no index has, and those for which
        it would have to look at more than 10,000 tasks. Raises StoreUnavailable.
        """
