"""Stored tasks: reading, searching, and writing by compare-and-set."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Self

from application.errors import TaskNotFound
from application.ports.rate_limits import Charge
from application.task_filter import TaskFilter
from domain.task import Task

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change of one task from `before` (None for a new task) to `after`.

    It is saved in whole or not at all, and only while the stored task has the version of `before`.
    """

    before: Task | None
    after: Task
    only_if_lease_expired: bool = False
    log: str = ""
    """A line for the task's log, under the attempt of `before`; empty for none."""


@dataclass(frozen=True, kw_only=True)
class IdempotencyRecord:
    """The key and the hash of a submit request, so that repeating it submits nothing twice."""

    key: str
    request_hash: bytes
    """Hash of the body, 32 bytes. A request with the same key and another hash is refused."""


@dataclass(frozen=True, order=True)
class Cursor:
    """The position of a task in the order of submission."""

    milliseconds: int
    """The submitted_at in milliseconds since 1970."""
    task_id: str

    @classmethod
    def of(cls, task: Task) -> Self:
        return cls((task.submitted_at - EPOCH) // timedelta(milliseconds=1), task.task_id)


@dataclass(frozen=True, kw_only=True)
class PageRequest:
    """The part of the matching tasks to return."""

    limit: int = 10
    offset: int = 0
    """Number of tasks to skip. Used only without `after`."""
    after: Cursor | None = None
    """Return only tasks after this cursor."""
    newest_first: bool = False


@dataclass(frozen=True, kw_only=True)
class Page:
    """Where a part of the matching tasks stands among all of them."""

    total: int | None
    """Number of all matching tasks; None when counting them would mean reading them."""
    next: Cursor | None
    """The cursor of the next page; None at the end."""


@dataclass(frozen=True, kw_only=True)
class TaskPage(Page):
    """A part of the matching tasks, in the order of submission or the reverse."""

    tasks: Sequence[Task]


@dataclass(frozen=True, kw_only=True)
class IdPage(Page):
    """A part of the matching tasks by their ids, in the order of submission or the reverse."""

    ids: Sequence[str]


class Backlog(StrEnum):
    """The tasks on which one kind of sweep works."""

    DUE = "due"
    EXPIRING = "expiring"
    LOST = "lost"
    """Running tasks whose lease has expired. TaskLeases.expired reads them."""
    DISCARDED = "discarded"
    PAST_RETENTION = "past_retention"


class TaskRepository(ABC):
    """Every method raises StoreUnavailable.

    Methods that read many tasks leave out a payload or result of more than 4 KiB, which
    `Task.omitted` names. Only `get` returns whole tasks. A change never touches an omitted member.
    """

    @abstractmethod
    def get(self, task_id: str) -> Task | None:
        """Return the task; None when there is none, or the text is no id."""

    def get_or_raise(self, task_id: str) -> Task:
        """Return the task. Raises TaskNotFound."""
        task = self.get(task_id)
        if task is None:
            raise TaskNotFound(task_id)
        return task

    def get_with_position(self, task_id: str) -> tuple[Task, int | None] | None:
        """Return the task and, while it is QUEUED, its position; None when there is no task.

        An adapter may read both at once.
        """
        task = self.get(task_id)
        return (task, self.positions([task]).get(task_id)) if task else None

    @abstractmethod
    def get_many(self, task_ids: Sequence[str]) -> Sequence[Task]:
        """Return the tasks that exist, in the same order, without long members."""

    @abstractmethod
    def find(self, wanted: TaskFilter, page_request: PageRequest) -> TaskPage:
        """Return matching tasks in the order of submission, without long members.

        When one index has them all, the time does not grow with the number of tasks, and the total
        is known. Otherwise at most 50,000 tasks are examined: the page may then hold fewer tasks
        than match, and its `next` says where to continue.
        """

    @abstractmethod
    def find_ids(self, wanted: TaskFilter, page_request: PageRequest) -> IdPage:
        """Return the ids of the tasks that `find` returns. Those of damaged tasks may be among
        them.
        """

    def each_with_position(self, task_ids: Sequence[str]) -> Iterator[tuple[Task, int | None]]:
        """Yield the tasks that exist, in the same order, without long members, each with its
        position while it is QUEUED.

        An adapter may read them at once, and decode each when its turn comes.
        """
        tasks = self.get_many(task_ids)
        positions = self.positions(tasks)
        yield from ((task, positions.get(task.task_id)) for task in tasks)

    @abstractmethod
    def positions(self, tasks: Sequence[Task]) -> Mapping[str, int]:
        """Return the position in its queue, from 1, of each QUEUED task by its id."""

    @abstractmethod
    def add(
        self,
        tasks: Sequence[Task],
        idempotency_record: IdempotencyRecord | None = None,
        charge: Charge | None = None,
    ) -> Sequence[Task]:
        """Save all of these new tasks, or none. Returns them as stored.

        A charge counts one unit for each task in the same step. RateLimitExceeded when it has
        fewer left; another refusal comes first, counts nothing and leaves `charge.usage` as it is.

        Raises StaleTask when one of the ids is taken, AlreadySubmitted when an idempotency record
        with the same key is stored, StoreFull, and TooManyQueues when the tasks name more queues
        than may exist.
        """

    @abstractmethod
    def save(self, change: Change) -> Task:
        """Save the change with its indexes, events and wake-ups in one atomic step.

        Returns the task as stored: submitted_at and finished_at come from the store's own clock.
        Raises StaleTask when the stored version is not that of `before`, or when the change
        requires an expired lease and the lease is valid. Raises TooManyQueues when the task names
        one more queue than may exist.
        """

    def save_with_position(self, change: Change) -> tuple[Task, int | None]:
        """Save the change as `save` does. Returns the position of a QUEUED task, too.

        An adapter may do both at once.
        """
        task = self.save(change)
        return task, self.positions([task]).get(task.task_id)

    @abstractmethod
    def save_many(self, changes: Sequence[Change]) -> Sequence[Task | None]:
        """Save each change independently, in one round trip. Returns the tasks as stored.

        The result is None where `save` would raise an error of that change alone, such as
        StaleTask. A task whose stored data is damaged is logged once.
        """

    @abstractmethod
    def due(self, *, limit: int) -> Sequence[Task]:
        """Return SCHEDULED tasks that are due by the store's clock, the longest due first.

        This and the other backlogs leave out unreadable tasks, which are logged once and set aside.
        """

    @abstractmethod
    def expiring(self, *, limit: int) -> Sequence[Task]:
        """Return waiting tasks that have expired by the store's clock."""

    @abstractmethod
    def remove(self, task: Task) -> None:
        """Remove the task from the store and its indexes.

        Raises StaleTask when it was changed meanwhile.
        """

    @abstractmethod
    def remove_many(self, tasks: Sequence[Task]) -> Sequence[bool]:
        """Remove each task independently, in one round trip.

        The result is False where `remove` would raise an error of that task alone.
        """

    @abstractmethod
    def discarded(self, *, limit: int) -> Sequence[Task]:
        """Return final tasks that were deleted while they ran, without long members."""

    @abstractmethod
    def past_retention(self, retention: timedelta, *, limit: int) -> Sequence[Task]:
        """Return final tasks that finished longer than `retention` ago, oldest first, without long
        members.
        """

    @abstractmethod
    def set_aside(self, backlog: Backlog, tasks: Sequence[Task]) -> None:
        """Leave these tasks out of their backlog for a minute. PAST_RETENTION moves them to its end
        instead.

        A task that was changed since it was read is not set aside, so that a lost race delays no
        transition.
        """
