"""Create, replace, change and delete schedules."""

from collections.abc import Callable, Collection
from dataclasses import replace

from application.errors import VersionMismatch
from application.optimistic_update import MAX_ATTEMPTS
from application.ports.clock import Clock
from application.ports.schedules import Schedules, StaleSchedule
from application.schedule_rules import ScheduleRules
from domain.schedule import Schedule
from domain.schedule_spec import (
    SchedulePatch,
    ScheduleSpec,
    require_schedule_name,
)

Versions = Collection[int] | None
"""The versions that the stored schedule may have; None for any."""


class ScheduleNameTaken(Exception):
    """The name belongs to a schedule that the caller may not replace."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The name {name!r} is taken. Use another one.")


class UpdateSchedule:
    """Change a stored schedule by compare-and-set."""

    def __init__(self, schedules: Schedules, rules: ScheduleRules, clock: Clock) -> None:
        """`clock` is the store's, since it decides which slots are over."""
        self._schedules = schedules
        self._rules = rules
        self._clock = clock

    def patch(self, name: str, patch: SchedulePatch, versions: Versions = None) -> Schedule:
        """Change the members that the patch names.

        Raises ScheduleNotFound, InvalidSchedule, VersionMismatch, StaleSchedule.
        """
        return self._apply(
            name, lambda spec: self._rules.completed(patch, spec).apply_to(spec), versions
        )

    def pause(self, name: str, *, paused: bool) -> Schedule:
        """Pause or resume the schedule. Slots of the pause are not made up.

        Raises ScheduleNotFound, StaleSchedule.
        """
        return self._apply(name, lambda spec: replace(spec, paused=paused), None)

    def replace(self, schedule: Schedule, spec: ScheduleSpec, versions: Versions) -> Schedule:
        """Replace the specification of a schedule as it was read.

        Raises InvalidSchedule, VersionMismatch, and StaleSchedule when it was changed meanwhile.
        """
        if versions is not None and schedule.version not in versions:
            raise VersionMismatch(schedule.version, "schedule")
        as_active = replace(spec, paused=schedule.spec.paused)  # a pause needs no valid task
        if as_active.timing != schedule.spec.timing or spec.task != schedule.spec.task:
            spec = self._rules.admit(spec, schedule.spec)
        after = schedule.respecify(spec, self._clock.now(), self._rules.cron_after)
        if after is not schedule:
            self._schedules.save(schedule, after)
        return after

    def _apply(
        self, name: str, change: Callable[[ScheduleSpec], ScheduleSpec], versions: Versions
    ) -> Schedule:
        for _ in range(MAX_ATTEMPTS):
            schedule = self._schedules.get_or_raise(name)
            try:
                return self.replace(schedule, change(schedule.spec), versions)
            except StaleSchedule:
                continue
        raise StaleSchedule(name)


class PutSchedule:
    """Create a schedule or replace it, so that a deployment can declare what it needs."""

    def __init__(
        self, schedules: Schedules, rules: ScheduleRules, update: UpdateSchedule, clock: Clock
    ) -> None:
        self._schedules = schedules
        self._rules = rules
        self._update = update
        self._clock = clock

    def execute(
        self,
        name: str,
        spec: ScheduleSpec,
        versions: Versions = None,
        *,
        only_new: bool = False,
    ) -> tuple[Schedule, bool]:
        """Return the schedule, and whether it is new.

        A schedule that is declared again as it is stays as it is. Raises InvalidSchedule,
        TooManySchedules, StaleSchedule, ScheduleNameTaken, and VersionMismatch when the schedule
        has none of the given versions, or exists although `only_new` is set.
        """
        require_schedule_name(name)
        for _ in range(MAX_ATTEMPTS):
            schedule = self._schedules.get(name)
            try:
                if schedule is None:
                    return self._create(name, spec, versions), True
                return self._update.replace(schedule, spec, () if only_new else versions), False
            except StaleSchedule:
                if schedule is None and self._schedules.get(name) is None:
                    raise ScheduleNameTaken(name) from None
        raise StaleSchedule(name)

    def _create(self, name: str, spec: ScheduleSpec, versions: Versions) -> Schedule:
        if versions is not None:
            raise VersionMismatch(0, "schedule")
        admitted = self._rules.admit(spec)
        schedule = Schedule.create(name, admitted, self._clock.now(), self._rules.cron_after)
        self._schedules.add(schedule)
        return schedule


class DeleteSchedule:
    """Delete a schedule. The tasks that it made stay."""

    def __init__(self, schedules: Schedules) -> None:
        self._schedules = schedules

    def execute(self, name: str) -> None:
        """Raises ScheduleNotFound, StaleSchedule."""
        for _ in range(MAX_ATTEMPTS):
            try:
                return self._schedules.remove(self._schedules.get_or_raise(name))
            except StaleSchedule:
                continue
        raise StaleSchedule(name)
