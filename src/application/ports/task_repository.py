"""Where tasks are kept."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Self

from application.errors import TaskNotFound
from application.task_filter import TaskFilter
from domain.task import Task

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Change:
    """What was decided on one task: from `before` (None: it is new) to `after`.

    It is saved whole or not at all, and only while the stored task still has the version of `before`.
    """

    before: Task | None
    after: Task
    only_if_lease_expired: bool = False
    log: str = ""
    """A line for the task's log, under the attempt of `before`. Empty: none."""


@dataclass(frozen=True, kw_only=True)
class IdempotencyRecord:
    """What a caller names a request by, so that repeating it submits nothing twice."""

    key: str
    request_hash: bytes
    """32 bytes that tell its body from any other."""


@dataclass(frozen=True, order=True)
class Cursor:
    """The place of a task in the order of submission."""

    milliseconds: int
    """Of its submitted_at, since 1970."""
    task_id: str

    @classmethod
    def of(cls, task: Task) -> Self:
        return cls((task.submitted_at - EPOCH) // timedelta(milliseconds=1), task.task_id)


@dataclass(frozen=True, kw_only=True)
class PageRequest:
    """Which of the tasks that were found are wanted."""

    limit: int = 10
    offset: int = 0
    """How many to leave out; without `after` only."""
    after: Cursor | None = None
    """Those behind this place."""
    newest_first: bool = False


@dataclass(frozen=True, kw_only=True)
class TaskPage:
    """Some of the tasks that were found, in the order of their submission or the reverse."""

    tasks: Sequence[Task]
    total: int | None
    """How many there are in all, where that is known without reading all of them."""
    next: Cursor | None
    """Where to go on; None at the end."""


class Backlog(StrEnum):
    """The tasks that one sweep of maintenance works off."""

    DUE = "due"
    EXPIRING = "expiring"
    LOST = "lost"
    """Running tasks whose lease ran out: TaskLeases.expired reads them."""
    DISCARDED = "discarded"
    PAST_RETENTION = "past_retention"


class TaskRepository(ABC):
    """Every method raises StoreUnavailable when the store cannot be reached.

    Methods that read many tasks leave out a payload or result of more than 4 KiB, which `Task.omitted` names: only
    `get` returns whole tasks. A change from `before` to `after` never touches an omitted member.
    """

    @abstractmethod
    def get(self, task_id: str) -> Task | None:
        """The task, or None. Text that is not the id of a task has none."""

    def get_or_raise(self, task_id: str) -> Task:
        """Return the task. Raises TaskNotFound."""
        task = self.get(task_id)
        if task is None:
            raise TaskNotFound(task_id)
        return task

    @abstractmethod
    def get_many(self, task_ids: Sequence[str]) -> Sequence[Task]:
        """Those of these tasks that there are, in the same order, without long members."""

    @abstractmethod
    def find(self, wanted: TaskFilter, window: PageRequest) -> TaskPage:
        """The wanted tasks in the order of their submission, without long members.

        With at most one index to look at, the time it takes does not grow with the number of tasks, and the total is
        known. Else 50,000 tasks are looked at at most; the page may then hold fewer than there are, and says where to
        go on.
        """

    @abstractmethod
    def positions(self, tasks: Sequence[Task]) -> Mapping[str, int]:
        """By the ids of those that are QUEUED: how many tasks are in front of it in its queue, plus one."""

    @abstractmethod
    def add(self, tasks: Sequence[Task], idempotency_record: IdempotencyRecord | None = None) -> Sequence[Task]:
        """Save new tasks: all of them, or none. Answers them as stored.

        Raises StaleTask when one of the ids is taken, AlreadySubmitted when there is an idempotency record of that
        key, and TooManyQueues when they name more queues than there may be.
        """

    @abstractmethod
    def save(self, change: Change) -> Task:
        """Save the change and all that follows from it (indexes, wake-ups) in one atomic step.

        Answers the task as stored: submitted_at and finished_at are stamped with the store's own clock.
        Raises StaleTask when the stored version is not that of `before`, or its lease has not expired
        though the change asks for that. Raises TooManyQueues when it names one more queue than there may be.
        """

    @abstractmethod
    def save_many(self, changes: Sequence[Change]) -> Sequence[Task | None]:
        """Save each change by itself, all in one go; None where `save` would raise an error of that change alone.

        Such as StaleTask. A task whose stored data is damaged is logged once.
        """

    @abstractmethod
    def due(self, *, limit: int) -> Sequence[Task]:
        """SCHEDULED tasks whose time has come by the store's clock, first due first.

        This and the other backlogs leave out tasks that cannot be read. Those are logged once and set aside.
        """

    @abstractmethod
    def expiring(self, *, limit: int) -> Sequence[Task]:
        """Waiting tasks whose expires_at has passed by the store's clock."""

    @abstractmethod
    def remove(self, task: Task) -> None:
        """Forget the task and its traces in every index. Raises StaleTask when it was changed meanwhile."""

    @abstractmethod
    def remove_many(self, tasks: Sequence[Task]) -> Sequence[bool]:
        """Remove each task by itself, all in one go; False where `remove` would raise an error of that task alone."""

    @abstractmethod
    def discarded(self, *, limit: int) -> Sequence[Task]:
        """Final tasks that were deleted while they ran, without long members."""

    @abstractmethod
    def past_retention(self, retention: timedelta, *, limit: int) -> Sequence[Task]:
        """Final tasks that finished longer than `retention` ago, oldest first, without long members."""

    @abstractmethod
    def set_aside(self, backlog: Backlog, tasks: Sequence[Task]) -> None:
        """Leave these tasks out of their backlog for a minute; those of PAST_RETENTION go behind all others instead.

        A task that was changed since it was read stays as it is, so that no transition is delayed by a lost race.
        """
