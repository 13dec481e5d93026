"""Read schedules with their next slots and the status of their last task."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from application.ports.clock import Clock
from application.ports.schedules import Schedules
from application.ports.task_repository import TaskRepository
from application.schedule_rules import STAND_IN, ScheduleRules
from domain.schedule import Schedule
from domain.schedule_spec import DEFAULT_TIMEZONE, InvalidSchedule, ScheduleSpec
from domain.status import Status

NEXT_RUNS = 5
PREVIEWED_RUNS = 10


@dataclass(frozen=True, kw_only=True)
class ScheduleReport:
    schedule: Schedule
    next_runs: Sequence[datetime]
    """The next slots, five at most."""
    last_status: Status | None
    """The status of the last task; None when there is none any more."""


class ReadSchedules:
    def __init__(
        self, schedules: Schedules, repository: TaskRepository, rules: ScheduleRules
    ) -> None:
        """`repository` has the tasks of all callers."""
        self._schedules = schedules
        self._repository = repository
        self._rules = rules

    def get(self, name: str) -> ScheduleReport:
        """Raises ScheduleNotFound, StoreUnavailable."""
        return self.report(self._schedules.get_or_raise(name))

    def after(self, name: str) -> Iterator[ScheduleReport]:
        """Yield the schedules whose names follow this one, by their names.

        Raises StoreUnavailable.
        """
        return map(self.report, self._schedules.each(after=name))

    def report(self, schedule: Schedule) -> ScheduleReport:
        """Return the schedule with what is known of its slots and its last task."""
        last = schedule.last_task
        tasks = self._repository.get_many([last.task_id]) if last else ()
        return ScheduleReport(
            schedule=schedule,
            next_runs=list(islice(schedule.slots(self._rules.cron_after), NEXT_RUNS)),
            last_status=tasks[0].status if tasks else None,
        )


class PreviewSchedule:
    """List the next times of a schedule without storing anything."""

    def __init__(self, rules: ScheduleRules, clock: Clock) -> None:
        self._rules = rules
        self._clock = clock

    def execute(
        self,
        *,
        cron: str | None = None,
        every: int | None = None,
        timezone: str = DEFAULT_TIMEZONE,
        starts_at: datetime | None = None,
        ends_at: datetime | None = None,
    ) -> Sequence[datetime]:
        """Return the next slots, ten at most. Raises InvalidSchedule."""
        members: dict[str, Any] = {
            "cron": cron,
            "every": every,
            "timezone": timezone,
            "starts_at": starts_at,
            "ends_at": ends_at,
        }
        if violations := self._rules.violations(members, ()):
            raise InvalidSchedule(violations)
        spec = ScheduleSpec(task=STAND_IN, **members)
        schedule = Schedule.create("preview", spec, self._clock.now(), self._rules.cron_after)
        return list(islice(schedule.slots(self._rules.cron_after), PREVIEWED_RUNS))
