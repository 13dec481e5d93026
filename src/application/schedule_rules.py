"""Decide whether this installation accepts a schedule, and when its slots are."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from application.admission import Admission
from application.ports.cron_times import CronTimes
from domain.errors import InvalidTaskSpec, Violation
from domain.schedule_spec import DEFAULT_TIMEZONE, InvalidSchedule, SchedulePatch, ScheduleSpec
from domain.task_spec import TaskSpec

STAND_IN = TaskSpec(task_name="?", type="?")
"""Stands for the task of a schedule of which only the times matter."""


class ScheduleRules:
    """Checks what a specification cannot check itself: its cron expression and its task."""

    def __init__(self, cron_times: CronTimes, admission: Admission) -> None:
        self._cron_times = cron_times
        self._admission = admission
        self.cron_after = cron_times.after

    def admit(self, spec: ScheduleSpec, before: ScheduleSpec | None = None) -> ScheduleSpec:
        """Return the specification with its task as it would be submitted.

        `before` is the stored specification that this one replaces. Raises InvalidSchedule with
        all problems.
        """
        violations = list(self.timing_violations(spec.cron, spec.timezone))
        task = spec.task
        try:
            task = self._admission.admit(spec.task, before.task if before else None)
        except InvalidTaskSpec as error:
            violations += InvalidSchedule.of_task(error).violations
        if violations:
            raise InvalidSchedule(violations)
        return replace(spec, task=task)

    def completed(self, patch: SchedulePatch, spec: ScheduleSpec) -> SchedulePatch:
        """Return the patch with the retry policy of the type where it removes that of the task."""
        if "task" not in patch.members:
            return patch
        task = self._admission.with_default_retry(spec.task.type, patch.members["task"])
        return SchedulePatch({**patch.members, "task": task})

    def violations(self, members: Mapping[str, Any], wrong: Collection[str]) -> list[Violation]:
        """Return everything that is wrong, except with members in `wrong`.

        `members` are those that could be read; `wrong` names those that could not, or are missing.
        """
        task: TaskSpec = members.get("task", STAND_IN)
        found: list[Violation] = []
        try:
            ScheduleSpec(**{**members, "task": task})
        except InvalidSchedule as error:
            found += error.violations
        timezone = members.get("timezone", DEFAULT_TIMEZONE)
        found += self.timing_violations(members.get("cron"), timezone)
        if "task" in members:
            try:
                self._admission.admit(task)
            except InvalidTaskSpec as error:
                found += InvalidSchedule.of_task(error).violations
        known = {*wrong, *(("cron",) if "every" in wrong else ())}
        return [each for each in found if each[0].partition("/")[0] not in known]

    def timing_violations(self, cron: str | None, timezone: str) -> Iterator[Violation]:
        """Yield what is wrong with a cron expression and a time zone."""
        if not self._cron_times.knows(timezone):
            yield (
                "timezone",
                "Must be the IANA name of a time zone, such as Europe/Berlin, not "
                f"{timezone[:100]!r}.",
            )
        if cron is not None and (problem := self._cron_times.problem(cron)):
            yield "cron", problem
