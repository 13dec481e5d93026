"""Where tasks are kept."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from domain.task import Task


@dataclass(frozen=True, kw_only=True)
class Change:
    """What was decided on one task: from `before` (None: it is new) to `after`.

    It is saved whole or not at all, and only while the stored task still has the version of `before`.
    """

    before: Task | None
    after: Task
    only_if_lease_expired: bool = False


@dataclass(frozen=True, kw_only=True)
class TaskPage:
    """Some of the tasks in the order of their submission, and how many there are in all."""

    tasks: Sequence[Task]
    total: int


class TaskRepository(ABC):
    """Every method raises StoreUnavailable when the store cannot be reached."""

    @abstractmethod
    def get(self, task_id: str) -> Task | None:
        """The task, or None. Text that is not the id of a task has none."""

    @abstractmethod
    def page(self, *, offset: int, limit: int) -> TaskPage:
        """Tasks from `offset` on, oldest submission first; the time it takes does not grow with their number."""

    @abstractmethod
    def save(self, change: Change) -> Task:
        """Save the change and all that follows from it (indexes, tokens) in one atomic step.

        Answers the task as stored: submitted_at and finished_at are stamped with the store's own clock.
        Raises StaleTask when the stored version is not that of `before`, or its lease has not expired
        though the change asks for that.
        """

    @abstractmethod
    def save_each(self, changes: Sequence[Change]) -> Sequence[Task | None]:
        """Save each change by itself, all in one go; None where `save` would raise StaleTask."""

    @abstractmethod
    def due(self, *, limit: int) -> Sequence[Task]:
        """SCHEDULED tasks whose time has come by the store's clock, first due first."""

    @abstractmethod
    def expiring(self, *, limit: int) -> Sequence[Task]:
        """Waiting tasks whose expires_at has passed by the store's clock."""

    @abstractmethod
    def remove(self, task: Task) -> None:
        """Forget the task and its traces in every index. Raises StaleTask when it was changed meanwhile."""

    @abstractmethod
    def outlived(self, retention: timedelta, *, limit: int) -> Sequence[Task]:
        """Final tasks that finished longer than `retention` ago, oldest first."""
