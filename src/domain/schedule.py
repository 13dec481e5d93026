"""Schedule: a rule that makes tasks, and the slot that is next."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from itertools import islice, takewhile
from typing import Self

from domain.schedule_spec import LABEL, CronAfter, ScheduleSpec
from domain.task import Task
from domain.task_state import ScheduleSlot

ON_TIME = timedelta(minutes=1)
"""A slot that is made no later than this is on time. A later one is missed."""
MAX_SKIPPED = 1_000
"""Missed slots that one step skips, so that no step takes long."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SkipReason(StrEnum):
    MISSED = "missed"
    """Nothing served the schedule at that time, and `catch_up` makes up only later slots."""
    OVERLAP = "overlap"
    """The last task still waited or ran."""
    TOO_MANY_QUEUES = "too_many_queues"
    """The queue of the task does not exist, and there are as many as may exist."""


@dataclass(frozen=True, kw_only=True)
class Skip:
    """Slots that made no task."""

    reason: SkipReason
    slot: datetime
    """The last of the slots."""
    slots: int = 1
    """Number of slots that were skipped in this step."""


@dataclass(frozen=True, kw_only=True)
class MadeTask:
    """The latest task of a schedule."""

    task_id: str
    slot: datetime | None
    """None for a task that a caller made at once."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """One schedule. Every change returns a new one. All times are aware."""

    name: str
    spec: ScheduleSpec
    created_at: datetime
    """When the schedule was created, in whole seconds."""
    updated_at: datetime
    """When a caller changed it last."""
    version: int = 1
    """Grows with each change of a caller."""
    saves: int = 1
    """Grows with each save. It guards the step from one slot to the next."""
    next_slot: datetime | None = None
    """The first slot that has neither made its task nor been skipped; None when none follows."""
    last_slot: datetime | None = None
    """The latest slot that is over."""
    last_task: MadeTask | None = None
    last_skip: Skip | None = None
    made: int = 0
    """Number of tasks that slots have made."""
    skipped: int = 0
    """Number of slots that made no task."""

    @classmethod
    def create(cls, name: str, spec: ScheduleSpec, now: datetime, cron_after: CronAfter) -> Self:
        """Return a new schedule, whose first slot lies ahead."""
        created = cls(name=name, spec=spec, created_at=now.replace(microsecond=0), updated_at=now)
        return replace(created, next_slot=created._slot_from(now, cron_after))

    @property
    def due_at(self) -> datetime | None:
        """When the next slot makes its task; None when no slot follows."""
        return self._due_at(self.next_slot) if self.next_slot else None

    def respecify(self, spec: ScheduleSpec, now: datetime, cron_after: CronAfter) -> Self:
        """Return the schedule with another specification; itself when it is the same.

        A slot that is due stays due unless a member changes on which the slots depend. Then the
        next slot lies ahead: a pause is no outage, and nothing of it is made up.
        """
        if spec == self.spec:
            return self
        after = replace(
            self, spec=spec, updated_at=now, version=self.version + 1, saves=self.saves + 1
        )
        if spec.timing == self.spec.timing:
            return after
        return replace(after, next_slot=after._slot_from(now, cron_after))

    def slots(self, cron_after: CronAfter) -> Iterator[datetime]:
        """Yield the next slot and those after it."""
        slot = self.next_slot
        while slot is not None:
            yield slot
            slot = self.spec.slot_after(slot, self.created_at, cron_after)

    def is_due(self, now: datetime) -> bool:
        return self.due_at is not None and self.due_at <= now

    def beyond_catch_up(self, now: datetime, cron_after: CronAfter) -> Sequence[datetime]:
        """Return the missed slots that are not made up, the oldest first, MAX_SKIPPED at most."""
        missed = takewhile(lambda slot: self._due_at(slot) < now - ON_TIME, self.slots(cron_after))
        first = list(islice(missed, MAX_SKIPPED + self.spec.catch_up))
        return first[: max(len(first) - self.spec.catch_up, 0)]

    def skip(self, slots: Sequence[datetime], reason: SkipReason, cron_after: CronAfter) -> Self:
        """Return the schedule after its next slots, which make no task."""
        return replace(
            self._past(slots[-1], cron_after),
            skipped=self.skipped + len(slots),
            last_skip=Skip(reason=reason, slot=slots[-1], slots=len(slots)),
        )

    def make(self, now: datetime, cron_after: CronAfter) -> tuple[Self, Task]:
        """Return the schedule after its next slot, and the task of the slot.

        The id of the task follows from the schedule and the slot. Raises ValueError when there is
        no next slot.
        """
        if self.next_slot is None:
            raise ValueError(f"the schedule {self.name} has no next slot")
        task = self.task_of(slot_task_id(self, self.next_slot), now, slot=self.next_slot)
        after = replace(
            self._past(self.next_slot, cron_after),
            made=self.made + 1,
            last_task=MadeTask(task_id=task.task_id, slot=self.next_slot),
        )
        return after, task

    def run_now(
        self, task_id: str, now: datetime, *, submitted_by: str | None = None
    ) -> tuple[Self, Task]:
        """Return the schedule and a task that it makes at once, without a slot."""
        task = self.task_of(task_id, now, submitted_by=submitted_by)
        last_task = MadeTask(task_id=task_id, slot=None)
        return replace(self, saves=self.saves + 1, last_task=last_task), task

    def task_of(
        self,
        task_id: str,
        now: datetime,
        *,
        slot: datetime | None = None,
        submitted_by: str | None = None,
    ) -> Task:
        """Return a new task of this schedule."""
        spec = self.spec.task.labelled(LABEL, self.name)
        origin = ScheduleSlot(name=self.name, slot=slot)
        return Task.submit(task_id, spec, now, submitted_by=submitted_by, schedule=origin)

    def skipped_task(self) -> Task:
        """Return the task that the last skipped slot would have made.

        Who may have it, and whose filter it matches, is told of the skip. Raises ValueError when
        no slot was skipped.
        """
        if self.last_skip is None:
            raise ValueError(f"the schedule {self.name} has skipped no slot")
        slot = self.last_skip.slot
        return self.task_of(slot_task_id(self, slot), slot, slot=slot)

    def _past(self, slot: datetime, cron_after: CronAfter) -> Self:
        next_slot = self.spec.slot_after(slot, self.created_at, cron_after)
        return replace(self, saves=self.saves + 1, last_slot=slot, next_slot=next_slot)

    def _slot_from(self, now: datetime, cron_after: CronAfter) -> datetime | None:
        """Return the first slot that lies ahead. No slot comes twice, whatever the clock does."""
        if self.spec.paused:
            return None
        latest = max(now, self.last_slot or now)
        return self.spec.slot_after(latest, self.created_at, cron_after)

    def _due_at(self, slot: datetime) -> datetime:
        span = self.spec.jitter * 1_000
        return slot + timedelta(milliseconds=_number_of(self.name, slot) % (span + 1))


def slot_task_id(schedule: Schedule, slot: datetime) -> str:
    """Return the id of the task of a slot: a UUID of version 7 (RFC 9562) with the slot's time.

    The same slot always has the same one, and that of a new schedule with the old name another.
    """
    seed = f"{schedule.name}\n{_milliseconds(schedule.created_at)}\n{_milliseconds(slot)}"
    random = sha256(seed.encode()).hexdigest()
    variant = "89ab"[int(random[3], 16) % 4]
    time = f"{max(_milliseconds(slot), 0):012x}"
    return f"{time[:8]}-{time[8:]}-7{random[:3]}-{variant}{random[4:7]}-{random[7:19]}"


def _number_of(name: str, slot: datetime) -> int:
    digest = sha256(f"{name}\n{_milliseconds(slot)}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def _milliseconds(time: datetime) -> int:
    return (time - EPOCH) // timedelta(milliseconds=1)
