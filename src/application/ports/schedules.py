"""Stored schedules. Each write is a compare-and-set, and may add a task in the same step."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

from application.ports.task_archive import Stored
from application.ports.task_repository import IdempotencyRecord
from domain.schedule import Schedule
from domain.task import Task

MAX_SCHEDULES = 10_000


class ScheduleNotFound(Exception):
    """There is no schedule of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no schedule {name!r}.")
        self.name = name


class StaleSchedule(Exception):
    """The schedule was changed since it was read. Nothing was saved."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Another request is changing the schedule {name}. Retry the request.")
        self.name = name


class TooManySchedules(Exception):
    """There are as many schedules as may exist."""

    def __init__(self) -> None:
        super().__init__(
            f"There are {MAX_SCHEDULES:,} schedules, which is the limit. Delete one that is not "
            "needed."
        )


class Schedules(ABC):
    """Every method raises StoreUnavailable."""

    @abstractmethod
    def get(self, name: str) -> Schedule | None:
        """Return the schedule; None when there is none, or when what is stored is damaged."""

    def get_or_raise(self, name: str) -> Schedule:
        """Return the schedule. Raises ScheduleNotFound."""
        schedule = self.get(name)
        if schedule is None:
            raise ScheduleNotFound(name)
        return schedule

    @abstractmethod
    def each(self, *, after: str = "") -> Iterator[Schedule]:
        """Yield the schedules whose names follow `after`, by their names. Reads a few at a time."""

    @abstractmethod
    def add(self, schedule: Schedule) -> None:
        """Store a new schedule.

        Raises StaleSchedule when the name is taken, TooManySchedules, StoreFull.
        """

    @abstractmethod
    def save(self, before: Schedule, after: Schedule) -> None:
        """Store `after` in the place of `before`, and an event if slots were skipped.

        Raises StaleSchedule.
        """

    @abstractmethod
    def save_with_task(
        self,
        before: Schedule,
        after: Schedule,
        task: Task,
        idempotency_record: IdempotencyRecord | None = None,
    ) -> Task:
        """Store `after` and its new task in one atomic step. Returns the task as stored.

        Raises StaleSchedule, StoreFull, TooManyQueues, and AlreadySubmitted when an idempotency
        record with the same key is stored.
        """

    @abstractmethod
    def remove(self, schedule: Schedule) -> None:
        """Remove the schedule. Raises StaleSchedule when it was changed meanwhile."""

    @abstractmethod
    def due(self, *, limit: int) -> Sequence[Schedule]:
        """Return schedules whose next slot is due by the store's clock, the longest due first.

        Unreadable ones are logged once and set aside.
        """

    @abstractmethod
    def archived(self, schedule: Schedule) -> Stored:
        """Return what an archive has of a schedule, with its secret members."""

    @abstractmethod
    def of_archive(self, name: str, stored: Stored) -> Schedule:
        """Return a schedule of an archive. Raises ValueError when it is damaged."""

    @abstractmethod
    def set_aside(self, schedule: Schedule) -> None:
        """Leave the schedule out of `due` for a minute, unless it was changed since it was read."""
