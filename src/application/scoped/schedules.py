"""The schedules that the present caller has, as if there were no others."""

from collections.abc import Iterator, Sequence

from application.ports.callers import Callers
from application.ports.schedules import Schedules
from application.ports.task_archive import Stored
from application.ports.task_repository import IdempotencyRecord
from domain.schedule import Schedule
from domain.task import Task


class ScopedSchedules(Schedules):
    """Reads only schedules whose tasks the caller has. Writes need one that was read."""

    def __init__(self, schedules: Schedules, callers: Callers) -> None:
        self._schedules = schedules
        self._callers = callers

    def get(self, name: str) -> Schedule | None:
        schedule = self._schedules.get(name)
        return schedule if schedule and self._has(schedule) else None

    def each(self, *, after: str = "") -> Iterator[Schedule]:
        return filter(self._has, self._schedules.each(after=after))

    def add(self, schedule: Schedule) -> None:
        self._schedules.add(schedule)

    def save(self, before: Schedule, after: Schedule) -> None:
        self._schedules.save(before, after)

    def save_with_task(
        self,
        before: Schedule,
        after: Schedule,
        task: Task,
        idempotency_record: IdempotencyRecord | None = None,
    ) -> Task:
        return self._schedules.save_with_task(before, after, task, idempotency_record)

    def remove(self, schedule: Schedule) -> None:
        self._schedules.remove(schedule)

    def due(self, *, limit: int) -> Sequence[Schedule]:
        return self._schedules.due(limit=limit)

    def archived(self, schedule: Schedule) -> Stored:
        return self._schedules.archived(schedule)

    def of_archive(self, name: str, stored: Stored) -> Schedule:
        return self._schedules.of_archive(name, stored)

    def set_aside(self, schedule: Schedule) -> None:
        self._schedules.set_aside(schedule)

    def _has(self, schedule: Schedule) -> bool:
        return self._callers.current().has_schedule_of(schedule.spec.task)
