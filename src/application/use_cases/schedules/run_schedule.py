"""Have a schedule make a task at once."""

from application.errors import AlreadySubmitted, IdempotencyKeyReused
from application.new_tasks import Submitted, record_of_key
from application.optimistic_update import MAX_ATTEMPTS
from application.ports.callers import Callers
from application.ports.clock import Clock
from application.ports.schedules import Schedules, StaleSchedule
from application.ports.task_ids import TaskIds
from application.ports.task_repository import IdempotencyRecord
from application.schedule_tasks import ScheduleTasks
from domain.trace_context import TraceContext


class RunSchedule:
    """Make a task of a schedule besides its slots, also while the schedule is paused.

    The task is made whatever the last one does, and is the last one from then on: with the overlap
    `skip`, a slot is skipped while it waits or runs.
    """

    def __init__(
        self,
        schedules: Schedules,
        schedule_tasks: ScheduleTasks,
        task_ids: TaskIds,
        clock: Clock,
        callers: Callers,
    ) -> None:
        self._schedules = schedules
        self._schedule_tasks = schedule_tasks
        self._task_ids = task_ids
        self._clock = clock
        self._callers = callers

    def execute(
        self,
        name: str,
        record: IdempotencyRecord | None = None,
        trace: TraceContext | None = None,
    ) -> Submitted:
        """Return the one task. `trace` is that of the caller.

        Raises ScheduleNotFound, IdempotencyKeyReused, TooManyQueues, StaleSchedule, StoreFull.
        """
        key_id = self._callers.current().key_id or None
        for _ in range(MAX_ATTEMPTS):
            before = self._schedules.get_or_raise(name)
            after, task = before.run_now(
                self._task_ids.next(), self._clock.now(), submitted_by=key_id
            )
            try:
                stored = self._schedule_tasks.store(
                    before, after, task, record_of_key(record, key_id), trace
                )
            except StaleSchedule:
                continue
            except AlreadySubmitted as earlier:
                if record is None or earlier.request_hash != record.request_hash:
                    raise IdempotencyKeyReused from earlier
                [task_id] = earlier.task_ids
                repeated = before.task_of(task_id, earlier.submitted_at, submitted_by=key_id)
                return Submitted(tasks=[repeated], replayed=True)
            return Submitted(tasks=[stored])
        raise StaleSchedule(name)
