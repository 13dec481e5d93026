"""Task: one piece of work, its state, and the transitions that its state allows."""

from collections.abc import Mapping
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
from domain.restore import restore
from domain.status import NEXT, Status
from domain.task_error import (
    CANCELLED,
    EXPIRED,
    UNKNOWN_CAUSE,
    WORKER_LOST,
    TaskError,
    lost_for_good,
)
from domain.task_spec import TaskPatch, TaskSpec

POSTPONEMENT = timedelta(seconds=10)
"""The pause before a task whose type the worker does not know is tried by another one."""
MAX_CRASHES = 3
"""Number of crashed runs that are repeated; the next crash is final, which ends an endless loop."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The progress that the run itself reports."""

    fraction: float
    """0 to 1."""
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One task. Frozen: every transition returns a new task or raises TransitionRefused.

    All times are aware.
    """

    task_id: str
    spec: TaskSpec
    status: Status
    submitted_at: datetime
    version: int = 1
    attempt: int = 0
    """Number of runs that have started, including crashed ones."""
    crashed_fencing_tokens: tuple[int, ...] = ()
    """The fencing tokens of the runs that were lost to a crash."""
    fencing_token: int = 0
    """Number of the latest claim, never reset. It fences off a worker that held an earlier claim
    (Kleppmann, "How to do distributed locking")."""
    owner: str | None = None
    """The worker process that runs the task."""
    cancel_requested: bool = False
    discarded: bool = False
    """True when a caller deleted the task while it ran. It is removed once it is final."""
    due_at: datetime | None = None
    """Time at which a SCHEDULED task becomes QUEUED."""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    progress: Progress | None = None
    result: Any = None
    error: TaskError | None = None
    """Reason why the task ended without a result."""
    last_error: TaskError | None = None
    """Reason why the latest failed or lost run ended; None once the task is final."""
    omitted: tuple[str, ...] = ()
    """Long members ("payload", "result") that were not read and so look unset.

    A write leaves them as stored.
    """

    def __post_init__(self) -> None:
        for instant in (self.submitted_at, self.due_at, self.started_at, self.finished_at):
            if instant is not None and instant.tzinfo is None:
                raise ValueError(f"times must be aware, not {instant!r}")
        if (self.finished_at is not None) != self.status.is_final:
            raise ValueError(
                f"finished_at is set exactly when a task is final; this one is {self.status}"
            )
        if (self.owner is not None) != (self.status is Status.PROCESSING):
            raise ValueError(
                f"a task has an owner exactly while it runs; this one is {self.status}"
            )
        if (self.due_at is not None) != (self.status is Status.SCHEDULED):
            raise ValueError(
                f"a task has a due time exactly while it is scheduled; this one is {self.status}"
            )

    @classmethod
    def restore(cls, members: Mapping[str, Any]) -> Self:
        """Return the stored task. Raises ValueError when the members contradict each other."""
        task = restore(cls, members)
        task.__post_init__()
        return task

    @property
    def crashes(self) -> int:
        return len(self.crashed_fencing_tokens)

    @property
    def deadline(self) -> datetime | None:
        """The time by which the current run must end; None while no run goes on."""
        if self.started_at is None or self.status is not Status.PROCESSING:
            return None
        return self.started_at + timedelta(seconds=self.spec.effective_timeout)

    @classmethod
    def submit(cls, task_id: str, spec: TaskSpec, now: datetime) -> Self:
        """Return a new task: QUEUED, or SCHEDULED when the specification has a run_at."""
        status = Status.SCHEDULED if spec.run_at else Status.QUEUED
        return cls(task_id=task_id, spec=spec, status=status, submitted_at=now, due_at=spec.run_at)

    def is_due(self, now: datetime) -> bool:
        """Return whether a SCHEDULED task is to be queued now."""
        return self.due_at is not None and self.due_at <= now

    def has_expired(self, now: datetime) -> bool:
        """Return whether the expires_at has passed. A task that still waits then never starts.

        claim.lua has a copy of this rule; the contract suites hold both to it.
        """
        return self.spec.has_expired(now)

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

    def postpone(self, now: datetime) -> Self:
        """Schedule the task again without counting the attempt, when the worker lacks its type.

        Workers differ in the types they know during a rolling deployment.
        """
        if self.cancel_requested:
            return self._end_run(Status.CANCELLED, error=CANCELLED, finished_at=now)
        return self._end_run(
            Status.SCHEDULED, due_at=now + POSTPONEMENT, attempt=self.attempt - 1, started_at=None
        )

    def lose(self, now: datetime, cause: str = UNKNOWN_CAUSE) -> Self:
        """End a run that died: CANCELLED or timed out when it was to end anyway, otherwise a crash.

        The fourth crash is final. `cause` says in full sentences how the run died; the error of the
        task repeats it.
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
            Status.QUEUED, crashed_fencing_tokens=crashed, started_at=None, last_error=lost
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
        if not self.status.is_final or Status.QUEUED not in NEXT[self.status]:
            raise TaskNotRetryable(self.status)
        return self._become(
            Status.QUEUED,
            spec=self.spec.for_restart(now),
            attempt=0,
            crashed_fencing_tokens=(),
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

    def is_run_of(self, fencing_token: int) -> bool:
        """Return whether the run with this fencing token still goes on."""
        return self.status is Status.PROCESSING and self.fencing_token == fencing_token

    def _end_on_purpose(self, now: datetime) -> Self | None:
        if self.cancel_requested:
            return self._end_run(Status.CANCELLED, error=CANCELLED, finished_at=now)
        if self.deadline and now >= self.deadline:
            message = (
                f"The run took longer than its timeout of {self.spec.effective_timeout} seconds."
            )
            return self.fail(TaskError(code="timeout", message=message), now)
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

    def _roll(self) -> float:
        """Return a number from 0 to 1 that differs between tasks and attempts.

        It is a hash (Knuth's multiplicative method), because the domain draws no random numbers.
        """
        return (int(self.task_id[-8:], 16) * (self.attempt + 1) * 2_654_435_761 % 2**32) / 2**32

    def _end_run(self, status: Status, **changes: Any) -> Self:
        if self.status is not Status.PROCESSING:
            raise InvalidTransition(self.status, status)
        return self._become(status, **changes)

    def _become(self, status: Status, **changes: Any) -> Self:
        if status not in NEXT[self.status]:
            raise InvalidTransition(self.status, status)
        reset: dict[str, Any] = {"owner": None, "cancel_requested": False, "due_at": None}
        if status.is_final:
            reset["last_error"] = None
        return self._evolve(**{"status": status, **reset, **changes})

    def _evolve(self, **changes: Any) -> Self:
        # dataclasses.replace takes four times as long, and a bulk action changes 10,000 tasks.
        return self.restore({**vars(self), "version": self.version + 1, **changes})
