"""Make the tasks of the slots of schedules that are due."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from application.errors import StaleTask, StoreUnavailable, TaskNotFound, TooManyQueues
from application.optimistic_update import OptimisticUpdate
from application.ports.clock import Clock
from application.ports.cron_times import CronTimes
from application.ports.schedules import Schedules, StaleSchedule
from application.ports.task_repository import TaskRepository
from application.schedule_tasks import ScheduleTasks
from application.skipped_items import SkippedItems
from domain.errors import TransitionRefused
from domain.schedule import Schedule, SkipReason
from domain.schedule_spec import Overlap
from domain.task import Task

BATCH = 100
BUDGET_SECONDS = 0.1
"""Time after which no slot begins, so that every duty of maintenance has its turn."""


@dataclass(kw_only=True)
class SweptSlots:
    """The result of a sweep."""

    made: list[Task] = field(default_factory=list)
    """The tasks of slots, as stored."""
    skipped: list[Schedule] = field(default_factory=list)
    """Schedules after a step that skipped slots; see `last_skip`."""
    is_unfinished: bool = False
    """True when the time was up before all slots were over."""


class StartDueSlots:
    """Each slot makes one task or is skipped, however many processes sweep, and whoever is killed.

    The step from one slot to the next and the task of the slot are one save.
    """

    def __init__(
        self,
        schedules: Schedules,
        schedule_tasks: ScheduleTasks,
        repository: TaskRepository,
        update: OptimisticUpdate,
        cron_times: CronTimes,
        clock: Clock,
    ) -> None:
        """`clock` is the store's, since it decides what is due."""
        self._schedules = schedules
        self._schedule_tasks = schedule_tasks
        self._repository = repository
        self._update = update
        self._cron_after = cron_times.after
        self._clock = clock
        self._skipped_items = SkippedItems()

    def execute(self) -> SweptSlots:
        """Sweep until no slot is due or the time is up. Raises StoreUnavailable, StoreFull."""
        began = self._clock.monotonic()
        swept = SweptSlots()
        while due := self._schedules.due(limit=BATCH):
            steps = 0
            for schedule in due:
                steps += self._step_safely(schedule, swept)
                if self._clock.monotonic() - began >= BUDGET_SECONDS:
                    swept.is_unfinished = True
                    return swept
            if not steps:  # other processes were faster
                break
        return swept

    def _step_safely(self, schedule: Schedule, swept: SweptSlots) -> bool:
        """Make one step of a schedule. Returns False when another process was faster."""
        try:
            return self._step(schedule, swept)
        except StaleSchedule:
            return False
        except StoreUnavailable:
            raise
        except Exception as error:  # one schedule must not hold up the others
            self._skipped_items.log_once("sweep_schedules", schedule.name, error)
            self._schedules.set_aside(schedule)
            return True

    def _step(self, schedule: Schedule, swept: SweptSlots) -> bool:
        now = self._clock.now()
        if schedule.next_slot is None or not schedule.is_due(now):
            return False
        if missed := schedule.beyond_catch_up(now, self._cron_after):
            return self._skip(schedule, missed, SkipReason.MISSED, swept)
        if schedule.spec.overlap is not Overlap.QUEUE and self._is_unfinished(schedule):
            if schedule.spec.overlap is Overlap.SKIP:
                return self._skip(schedule, [schedule.next_slot], SkipReason.OVERLAP, swept)
            self._cancel_last(schedule)
        after, task = schedule.make(now, self._cron_after)
        try:
            swept.made.append(self._schedule_tasks.store(schedule, after, task))
        except TooManyQueues:
            slots = [schedule.next_slot]
            return self._skip(schedule, slots, SkipReason.TOO_MANY_QUEUES, swept)
        except StaleTask:  # the task exists, as after a restored backup: the slot has made it
            self._schedules.save(schedule, after)
        return True

    def _skip(
        self, schedule: Schedule, slots: Sequence[datetime], reason: SkipReason, swept: SweptSlots
    ) -> bool:
        after = schedule.skip(slots, reason, self._cron_after)
        self._schedules.save(schedule, after)
        swept.skipped.append(after)
        return True

    def _is_unfinished(self, schedule: Schedule) -> bool:
        if schedule.last_task is None:
            return False
        tasks = self._repository.get_many([schedule.last_task.task_id])
        return any(not task.status.is_final for task in tasks)

    def _cancel_last(self, schedule: Schedule) -> None:
        """Cancel the last task. A process that dies after this does it again."""
        if schedule.last_task is None:
            return
        try:
            self._update.apply(
                schedule.last_task.task_id, lambda task: task.cancel(self._clock.now())
            )
        except (TaskNotFound, TransitionRefused):
            return
