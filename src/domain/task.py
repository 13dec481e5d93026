"""Task: one piece of work, and the transitions that its state allows."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

from domain.errors import (
    InvalidTransition,
    TaskFinal,
    TaskNotRetryable,
    TaskNotWaiting,
    TaskRunning,
)
from domain.status import NEXT, Status
from domain.task_error import (
    CANCELLED,
    EXPIRED,
    TIMEOUT,
    UNKNOWN_CAUSE,
    WORKER_LOST,
    TaskError,
    lost_for_good,
)
from domain.task_spec import PROCESS, TaskPatch, TaskSpec
from domain.task_state import ScheduleSlot, TaskState
from domain.trace_context import TraceContext

POSTPONEMENT = timedelta(seconds=10)
"""The pause before a task whose type the worker does not know is tried by another one."""
MAX_CRASHES = 3
"""Number of crashed runs that are repeated; the next crash is final, which ends an endless loop."""

MAX_SHARED_CRASHES = 3
"""After so many runs that were lost beside others, the task runs in a process of its own."""


@dataclass(frozen=True, kw_only=True)
class Task(TaskState):
    """One task. Every transition returns a new task or raises TransitionRefused."""

    @classmethod
    def submit(
        cls,
        task_id: str,
        spec: TaskSpec,
        now: datetime,
        *,
        submitted_by: str | None = None,
        schedule: ScheduleSlot | None = None,
        trace: TraceContext | None = None,
    ) -> Self:
        """Return a new task: QUEUED, or SCHEDULED when the specification has a run_at."""
        return cls(
            task_id=task_id,
            spec=spec,
            status=Status.SCHEDULED if spec.run_at else Status.QUEUED,
            submitted_at=now,
            submitted_by=submitted_by,
            schedule=schedule,
            due_at=spec.run_at,
            trace=trace,
        )

    def promote(self) -> Self:
        """Queue a SCHEDULED task that is due."""
        if self.status is not Status.SCHEDULED:
            raise InvalidTransition(self.status, Status.QUEUED)
        return self._become(Status.QUEUED)

    def expire(self, now: datetime) -> Self:
        """End a waiting task that has not started by its expires_at."""
        return self._become(Status.EXPIRED, error=EXPIRED, finished_at=now)

    def start(self, *, owner: str, fencing_token: int, now: datetime) -> Self:
        """Begin a run: a worker has claimed the task."""
        return self._become(
            Status.PROCESSING,
            owner=owner,
            fencing_token=fencing_token,
            attempt=self.attempt + 1,
            started_at=now,
        )

    def complete(self, result: Any, now: datetime) -> Self:
        """End the run with its result. A pending cancel request is ignored."""
        return self._end_run(Status.COMPLETED, result=result, progress=None, finished_at=now)

    def fail(
        self, error: TaskError, now: datetime, *, retry: bool = True, wait: timedelta = timedelta(0)
    ) -> Self:
        """End the run with an error: SCHEDULED for a retry, or FAILED when the policy allows no
        more.

        A task with a pending cancel request becomes CANCELLED. `retry` is False when another
        attempt cannot help. The next attempt waits at least `wait`.
        """
        if self.cancel_requested:
            return self._end_run(Status.CANCELLED, error=CANCELLED, finished_at=now)
        delay = self.spec.retry.delay(self.attempt - self.crashes, self._roll())
        if delay is None or not retry:
            return self._end_run(Status.FAILED, error=error, finished_at=now)
        due_at = now + max(delay, wait)
        return self._end_run(
            Status.SCHEDULED, due_at=due_at, started_at=None, last_error=error.shortened()
        )

    def stop(self, now: datetime) -> Self:
        """End a run that its worker stopped on purpose.

        The task is cancelled when that was requested, fails when its time was over, and otherwise
        is queued again without counting the attempt.
        """
        if ended := self._end_on_purpose(now):
            return ended
        return self._end_run(Status.QUEUED, attempt=self.attempt - 1, started_at=None)

    def postpone(self, now: datetime, wait: timedelta = POSTPONEMENT) -> Self:
        """Schedule the task again without counting the attempt.

        The worker lacks its type, or the host that it calls is busy with other tasks. Workers
        differ in the types they know during a rolling deployment.
        """
        if self.cancel_requested:
            return self._end_run(Status.CANCELLED, error=CANCELLED, finished_at=now)
        return self._end_run(
            Status.SCHEDULED, due_at=now + wait, attempt=self.attempt - 1, started_at=None
        )

    def lose(self, now: datetime, cause: str = UNKNOWN_CAUSE) -> Self:
        """End a run that died: CANCELLED or timed out when it was to end anyway, otherwise a crash.

        The fourth crash is final. `cause` says in full sentences how the run died; the error of the
        task repeats it. From the first crash on, the task runs in a process of its own, so that it
        brings down no others.
        """
        crashed = (*self.crashed_fencing_tokens, self.fencing_token)
        if ended := self._end_on_purpose(now):
            return ended
        if self.crashes >= MAX_CRASHES:
            error = lost_for_good(cause, MAX_CRASHES + 1)
            return self._end_run(
                Status.FAILED, crashed_fencing_tokens=crashed, error=error, finished_at=now
            )
        message = f"The run was lost; the task is queued again. {cause}"
        lost = TaskError(code=WORKER_LOST, message=message).shortened()
        return self._end_run(
            Status.QUEUED,
            spec=self.spec.in_pool(PROCESS),
            crashed_fencing_tokens=crashed,
            started_at=None,
            last_error=lost,
        )

    def lose_beside_others(self, now: datetime) -> Self:
        """End a run whose process died while it ran many tasks, none of them known to be the cause.

        The run counts neither as attempt nor as crash. After MAX_SHARED_CRASHES of these, the task
        runs in a process of its own.
        """
        if ended := self._end_on_purpose(now):
            return ended
        shared = self.shared_crashes + 1
        alone = shared >= MAX_SHARED_CRASHES
        return self._end_run(
            Status.QUEUED,
            spec=self.spec.in_pool(PROCESS) if alone else self.spec,
            attempt=self.attempt - 1,
            shared_crashes=shared,
            started_at=None,
        )

    def move_to_process(self, now: datetime) -> Self:
        """End a run that kept others of its process from running. It starts again in a process of
        its own, and the attempt does not count.
        """
        if ended := self._end_on_purpose(now):
            return ended
        return self._end_run(
            Status.QUEUED,
            spec=self.spec.in_pool(PROCESS),
            attempt=self.attempt - 1,
            started_at=None,
        )

    def forgive(self, fencing_token: int) -> Self:
        """Take back a crash: the run with this fencing token counts neither as crash nor as
        attempt.
        """
        if fencing_token not in self.crashed_fencing_tokens or self.status.is_final:
            return self
        others = tuple(token for token in self.crashed_fencing_tokens if token != fencing_token)
        is_latest = fencing_token == self.crashed_fencing_tokens[-1]
        last_error = self.last_error
        if is_latest and last_error and last_error.code == WORKER_LOST:
            last_error = None
        return self._evolve(
            crashed_fencing_tokens=others, attempt=self.attempt - 1, last_error=last_error
        )

    def cancel(self, now: datetime) -> Self:
        """End a waiting task, or request that a running one stops. Raises TaskFinal."""
        if self.status.is_final:
            raise TaskFinal(self.status)
        if self.status is Status.PROCESSING:
            return self if self.cancel_requested else self._evolve(cancel_requested=True)
        return self._become(Status.CANCELLED, error=CANCELLED, finished_at=now)

    def discard(self, now: datetime) -> Self:
        """Request that a running task stops and is removed then."""
        if self.discarded:
            return self
        return replace(self.cancel(now), version=self.version + 1, discarded=True)

    def retry(self, now: datetime) -> Self:
        """Queue a task that ended without a result, as if it had never run. Raises
        TaskNotRetryable.

        A run_at that lies ahead and an expires_at that has passed are dropped: the task starts now.
        """
        if self.discarded:  # it would run once more, and vanish with its end
            raise TaskNotRetryable(self.status, is_deleted=True)
        if not self.status.is_final or Status.QUEUED not in NEXT[self.status]:
            raise TaskNotRetryable(self.status)
        return self._become(
            Status.QUEUED,
            spec=self.spec.for_restart(now),
            attempt=0,
            crashed_fencing_tokens=(),
            shared_crashes=0,
            progress=None,
            error=None,
            started_at=None,
            finished_at=None,
        )

    def patch(self, patch: TaskPatch) -> Self:
        """Change some members. Raises InvalidTaskSpec.

        Raises TaskNotWaiting when that would change the work of a task that has started.
        """
        if patch.changes_the_work:
            self._require_waiting()
        return self._respecify(patch.apply_to(self.spec))

    def replace(self, spec: TaskSpec) -> Self:
        """Replace all members. Raises TaskNotWaiting when the task has started."""
        self._require_waiting()
        return self._respecify(spec)

    def ensure_deletable(self) -> None:
        """Raises TaskRunning: a task is deleted only while nobody runs it."""
        if self.status is Status.PROCESSING:
            raise TaskRunning(self.status)

    def _end_on_purpose(self, now: datetime) -> Self | None:
        if self.cancel_requested:
            return self._end_run(Status.CANCELLED, error=CANCELLED, finished_at=now)
        if self.deadline and now >= self.deadline:
            message = (
                f"The run took longer than its timeout of {self.spec.effective_timeout} seconds."
            )
            return self.fail(TaskError(code=TIMEOUT, message=message), now)
        return None

    def _respecify(self, spec: TaskSpec) -> Self:
        if spec == self.spec:
            return self
        if spec.run_at == self.spec.run_at:
            return self._evolve(spec=spec)
        status = Status.SCHEDULED if spec.run_at else Status.QUEUED
        if status is self.status:
            return self._evolve(spec=spec, due_at=spec.run_at)
        return self._become(status, spec=spec, due_at=spec.run_at)

    def _require_waiting(self) -> None:
        if not self.status.is_waiting:
            raise TaskNotWaiting(self.status)
