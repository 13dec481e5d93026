"""The specification of a schedule: when it makes tasks, and which."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from domain.errors import InvalidTaskSpec, Violation
from domain.task_spec import MAX_LABELS, TaskPatch, TaskSpec

SCHEDULE_NAME = r"[a-z0-9][a-z0-9._-]{0,99}"
RESERVED_NAMES = frozenset({"preview"})
"""Names that are paths of the API."""
EVERY_SECONDS = range(1, 366 * 86_400 + 1)
CATCH_UP = range(101)
JITTER_SECONDS = range(86_401)
CRON_LENGTH = range(1, 201)
DEFAULT_TIMEZONE = "UTC"
LABEL = "schedule"
"""The label of each task of a schedule. Its value is the name of the schedule."""
RESOLUTION = timedelta(milliseconds=1)
"""The resolution of all stored times."""

CronAfter = Callable[[str, str, datetime], datetime | None]
"""Return the first time of a cron expression in a time zone that is later than a given time; None
when none follows within eight years."""


class Overlap(StrEnum):
    """What happens at a slot while the last task of the schedule still waits or runs."""

    SKIP = "skip"
    """The slot is skipped."""
    QUEUE = "queue"
    """The slot makes its task all the same."""
    CANCEL = "cancel"
    """The last task is cancelled, and the slot makes its task."""


class InvalidSchedule(ValueError):
    """Members of a schedule are missing or outside their ranges."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        """`violations` holds everything that is wrong; the message repeats the first one."""
        pointer, message = violations[0]
        super().__init__(f"{pointer}: {message}")
        self.violations = violations

    @classmethod
    def of_task(cls, error: InvalidTaskSpec) -> Self:
        """Return the error of a schedule whose task is invalid."""
        return cls([(f"task/{pointer}", message) for pointer, message in error.violations])


@dataclass(frozen=True, kw_only=True)
class ScheduleSpec:
    """The members that a caller sets. Immutable.

    Raises InvalidSchedule with every invalid member.
    """

    task: TaskSpec
    """The specification of each task, without the label `schedule`."""
    cron: str | None = None
    """A cron expression of five fields, or a word such as @hourly."""
    every: int | None = None
    """Seconds from slot to slot. A schedule has either this or `cron`."""
    timezone: str = DEFAULT_TIMEZONE
    """The IANA name of the time zone of the cron expression."""
    overlap: Overlap = Overlap.SKIP
    catch_up: int = 1
    """How many of the latest missed slots are made up."""
    jitter: int = 0
    """A task is made up to this many seconds after its slot."""
    starts_at: datetime | None = None
    """No slot is earlier."""
    ends_at: datetime | None = None
    """No slot is later."""
    paused: bool = False

    def __post_init__(self) -> None:
        if violations := list(self._violations()):
            raise InvalidSchedule(violations)

    @property
    def timing(self) -> tuple[object, ...]:
        """The members on which the slots depend."""
        return (self.cron, self.every, self.timezone, self.starts_at, self.ends_at, self.paused)

    def slot_after(
        self, time: datetime, begins_at: datetime, cron_after: CronAfter
    ) -> datetime | None:
        """Return the first slot that is later than `time`; None when none follows.

        `begins_at` is the time from which `every` counts without a `starts_at`.
        """
        if self.starts_at is not None:
            time = max(time, self.starts_at - RESOLUTION)
        try:
            slot = (
                cron_after(self.cron, self.timezone, time)
                if self.cron is not None
                else self._multiple_after(time, self.starts_at or begins_at)
            )
        except OverflowError:  # beyond the year 9999
            return None
        return None if slot and self.ends_at and slot > self.ends_at else slot

    def _multiple_after(self, time: datetime, begin: datetime) -> datetime:
        if time < begin:
            return begin
        step = timedelta(seconds=self.every or 1)
        return begin + ((time - begin) // step + 1) * step

    def _violations(self) -> Iterator[Violation]:
        if (self.cron is None) == (self.every is None):
            yield "cron", "A schedule must have either cron or every."
        if self.every is not None and self.every not in EVERY_SECONDS:
            yield "every", f"Must be 1 to {EVERY_SECONDS[-1]} seconds, not {self.every}."
        if self.every is not None and self.timezone != DEFAULT_TIMEZONE:
            yield "timezone", "Only cron has a time zone; every counts seconds. Leave it out."
        if self.catch_up not in CATCH_UP:
            yield "catch_up", f"Must be 0 to {CATCH_UP[-1]}, not {self.catch_up}."
        if self.jitter not in JITTER_SECONDS:
            yield "jitter", f"Must be 0 to {JITTER_SECONDS[-1]} seconds, not {self.jitter}."
        yield from self._time_violations()
        for name in ("run_at", "expires_at"):
            if getattr(self.task, name) is not None:
                yield f"task/{name}", "Must be left out: it is one time, and a schedule has many."
        if LABEL in self.task.labels:
            yield f"task/labels/{LABEL}", "The service sets this label. Leave it out."
        elif len(self.task.labels) >= MAX_LABELS:
            yield "task/labels", f"At most {MAX_LABELS - 1} labels are allowed beside {LABEL!r}."

    def _time_violations(self) -> Iterator[Violation]:
        naive = False
        for name, time in (("starts_at", self.starts_at), ("ends_at", self.ends_at)):
            if time is not None and time.tzinfo is None:
                naive = True
                yield name, "Must have a time zone."
        if not naive and self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            yield "ends_at", "Must be later than starts_at."


DEFAULTS: Mapping[str, Any] = {
    member.name: member.default for member in fields(ScheduleSpec) if member.default is not MISSING
}


@dataclass(frozen=True)
class SchedulePatch:
    """A JSON merge patch (RFC 7396) of a ScheduleSpec. None returns a member to its default."""

    members: Mapping[str, Any]
    """`task` is a TaskPatch."""

    def apply_to(self, spec: ScheduleSpec) -> ScheduleSpec:
        """Return the changed copy. Raises InvalidSchedule."""
        changes: dict[str, Any] = {
            name: DEFAULTS.get(name) if value is None else value
            for name, value in self.members.items()
        }
        task: TaskPatch | None = changes.pop("task", None)
        try:
            changed = task.apply_to(spec.task) if task else spec.task
        except InvalidTaskSpec as error:
            raise InvalidSchedule.of_task(error) from error
        return replace(spec, task=changed, **changes)


def require_schedule_name(name: str) -> None:
    """Raise InvalidSchedule for text that is no name of a schedule."""
    if not re.fullmatch(SCHEDULE_NAME, name) or name in RESERVED_NAMES:
        message = (
            "Must be 1 to 100 of a-z, 0-9, dot, underscore and hyphen, the first a letter or "
            f"digit, and not {' or '.join(sorted(RESERVED_NAMES))}: {name[:100]!r}."
        )
        raise InvalidSchedule([("name", message)])
