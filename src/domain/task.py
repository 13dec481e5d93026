"""Task: what the service knows of one piece of work, and what may happen to it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

from domain.errors import InvalidTransition, TaskFinal, TaskNotRetryable, TaskNotWaiting, TaskRunning
from domain.restore import restore
from domain.status import NEXT, Status
from domain.task_spec import TaskPatch, TaskSpec

POSTPONEMENT = timedelta(seconds=10)
WORKER_LOST = "worker_lost"
MAX_CRASHES = 3
"""A run lost to a crash is repeated this often; the next loss is final. An endless loop helps nobody."""


@dataclass(frozen=True, kw_only=True)
class TaskError:
    """Why a task ended without a result: a stable machine word, and a sentence."""

    code: str
    message: str


CANCELLED = TaskError(code="cancelled", message="The task was cancelled.")
EXPIRED = TaskError(code="expired", message="The task had not started by its expires_at.")
UNKNOWN_CAUSE = "How it ended is not known."
LAST_ERROR_LENGTH = 1_000
"""Characters. Every event of a task repeats its last error, that of a failed task comes once."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far the running work says it is."""

    fraction: float
    """0 to 1."""
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One task. Frozen: every transition returns a new one or raises TransitionRefused.

    The times are aware. `claim` is the number of the latest claim: it is never reset and fences off
    whoever held an earlier one (Kleppmann, "How to do distributed locking", fencing wake-ups).
    """

    task_id: str
    spec: TaskSpec
    status: Status
    submitted_at: datetime
    version: int = 1
    attempt: int = 0
    """Runs that have started, crashed ones included."""
    crashed_fencing_tokens: tuple[int, ...] = ()
    """The claims whose runs were lost to a crash."""
    fencing_token: int = 0
    owner: str | None = None
    cancel_requested: bool = False
    discarded: bool = False
    """Its caller deleted it while it ran: to be removed once it is final."""
    due_at: datetime | None = None
    """When a SCHEDULED task is to be queued."""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    progress: Progress | None = None
    result: Any = None
    error: TaskError | None = None
    """Why the task ended without a result."""
    last_error: TaskError | None = None
    """Why the latest failed or lost run ended; None once the task is final."""
    omitted: tuple[str, ...] = ()
    """Long members ("payload", "result") that were not read and so look unset; a write leaves them as stored."""

    def __post_init__(self) -> None:
        for instant in (self.submitted_at, self.due_at, self.started_at, self.finished_at):
            if instant is not None and instant.tzinfo is None:
                raise ValueError(f"times must be aware, not {instant!r}")
        if (self.finished_at is not None) != self.status.is_final:
            raise ValueError(f"finished_at is set exactly when a task is final; this one is {self.status}")
        if (self.owner is not None) != (self.status is Status.PROCESSING):
            raise ValueError(f"a task has an owner exactly while it runs; this one is {self.status}")
        if (self.due_at is not None) != (self.status is Status.SCHEDULED):
            raise ValueError(f"a task has a due time exactly while it is scheduled; this one is {self.status}")

    @classmethod
    def restore(cls, members: Mapping[str, Any]) -> Self:
        """As it was stored. Raises ValueError where it is no possible state."""
        task = restore(cls, members)
        task.__post_init__()
        return task

    @property
    def crashes(self) -> int:
        return len(self.crashed_fencing_tokens)

    @property
    def deadline(self) -> datetime | None:
        """When the present run must have ended."""
        if self.started_at is None or self.status is not Status.PROCESSING:
            return None
        return self.started_at + timedelta(seconds=self.spec.effective_timeout)

    @classmethod
    def submit(cls, task_id: str, spec: TaskSpec, now: datetime) -> Self:
        """A new task, which waits in its queue, or for its time when it has one."""
        status = Status.SCHEDULED if spec.run_at else Status.QUEUED
        return cls(task_id=task_id, spec=spec, status=status, submitted_at=now, due_at=spec.run_at)

    def promote(self) -> Self:
        """The time of a scheduled task has come."""
        if self.status is not Status.SCHEDULED:
            raise InvalidTransition(self.status, Status.QUEUED)
        return self._become(Status.QUEUED)

    def expire(self, now: datetime) -> Self:
        """The task has not started in time."""
        return self._become(Status.EXPIRED, error=EXPIRED, finished_at=now)

    def start(self, *, owner: str, fencing_token: int, now: datetime) -> Self:
        """A worker claims the task."""
        return self._become(
            Status.PROCESSING, owner=owner, fencing_token=fencing_token, attempt=self.attempt + 1, started_at=now
        )

    def complete(self, result: Any, now: datetime) -> Self:
        """The run returned a result; that it was asked to stop comes too late."""
        return self._end_run(Status.COMPLETED, result=result, progress=None, finished_at=now)

    def fail(self, error: TaskError, now: datetime, *, retry: bool = True, wait: timedelta = timedelta(0)) -> Self:
        """The run failed: try again later, or for good when the policy says so; not when it was to stop anyway.

        `retry` is False where trying again cannot help; the next try waits at least `wait`.
        """
        if self.cancel_requested:
            return self._end_run(Status.CANCELLED, error=CANCELLED, finished_at=now)
        delay = self.spec.retry.delay(self.attempt - self.crashes, self._roll())
        if delay is None or not retry:
            return self._end_run(Status.FAILED, error=error, finished_at=now)
        due_at = now + max(delay, wait)
        return self._end_run(Status.SCHEDULED, due_at=due_at, started_at=None, last_error=_shortened(error))

    def stop(self, now: datetime) -> Self:
        """The run was ended from outside, on purpose: cancelled, timed out, or neither and so uncounted."""
        return self._ended_on_purpose(now) or self._end_run(Status.QUEUED, attempt=self.attempt - 1, started_at=None)

    def postpone(self, now: datetime) -> Self:
        """This worker does not know the work yet, as in a rolling deployment: later, and uncounted."""
        if self.cancel_requested:
            return self._end_run(Status.CANCELLED, error=CANCELLED, finished_at=now)
        return self._end_run(Status.SCHEDULED, due_at=now + POSTPONEMENT, attempt=self.attempt - 1, started_at=None)

    def lose(self, now: datetime, cause: str = UNKNOWN_CAUSE) -> Self:
        """The run died: cancelled or timed out if it was to end anyway, else a crash, the fourth of which is final.

        `cause` says in full sentences how it died. The error of the task repeats it.
        """
        crashed = (*self.crashed_fencing_tokens, self.fencing_token)
        if ended := self._ended_on_purpose(now):
            return ended
        if self.crashes >= MAX_CRASHES:
            return self._end_run(
                Status.FAILED, crashed_fencing_tokens=crashed, error=_worker_lost(cause), finished_at=now
            )
        lost = TaskError(code=WORKER_LOST, message=f"The run was lost; the task is queued again. {cause}")
        return self._end_run(
            Status.QUEUED, crashed_fencing_tokens=crashed, started_at=None, last_error=_shortened(lost)
        )

    def forgive(self, fencing_token: int) -> Self:
        """The run of this claim was not lost to a crash after all: it counts as nothing."""
        if fencing_token not in self.crashed_fencing_tokens or self.status.is_final:
            return self
        left = tuple(crashed for crashed in self.crashed_fencing_tokens if crashed != fencing_token)
        was_this = (
            self.last_error and self.last_error.code == WORKER_LOST and fencing_token == self.crashed_fencing_tokens[-1]
        )
        last_error = None if was_this else self.last_error
        return self._evolve(crashed_fencing_tokens=left, attempt=self.attempt - 1, last_error=last_error)

    def cancel(self, now: datetime) -> Self:
        """End a waiting task, ask a running one to stop. Raises TaskFinal."""
        if self.status.is_final:
            raise TaskFinal(self.status)
        if self.status is Status.PROCESSING:
            return self if self.cancel_requested else self._evolve(cancel_requested=True)
        return self._become(Status.CANCELLED, error=CANCELLED, finished_at=now)

    def discard(self, now: datetime) -> Self:
        """Ask a running task to stop, and to be removed then."""
        return self if self.discarded else replace(self.cancel(now), version=self.version + 1, discarded=True)

    def retry(self, now: datetime) -> Self:
        """Try again what ended without a result, as if it had never run. Raises TaskNotRetryable."""
        if not self.status.is_final or Status.QUEUED not in NEXT[self.status]:
            raise TaskNotRetryable(self.status)
        run_at, expires_at = self.spec.run_at, self.spec.expires_at
        return self._become(
            Status.QUEUED,
            spec=TaskSpec.restore(
                {
                    **vars(self.spec),
                    "run_at": run_at if run_at and run_at <= now else None,
                    "expires_at": expires_at if expires_at and expires_at > now else None,
                }
            ),
            attempt=0,
            crashed_fencing_tokens=(),
            progress=None,
            error=None,
            started_at=None,
            finished_at=None,
        )

    def patch(self, patch: TaskPatch) -> Self:
        """Change some members. Raises TaskNotWaiting when that would change the work of a task that has started."""
        if patch.changes_the_work:
            self._require_waiting()
        return self._respecify(patch.applied_to(self.spec))

    def replace(self, spec: TaskSpec) -> Self:
        """Replace all members. Raises TaskNotWaiting when the task has started."""
        self._require_waiting()
        return self._respecify(spec)

    def ensure_deletable(self) -> None:
        """Raises TaskRunning."""
        if self.status is Status.PROCESSING:
            raise TaskRunning(self.status)

    def is_run_of(self, fencing_token: int) -> bool:
        """True while the run that this claim started goes on."""
        return self.status is Status.PROCESSING and self.fencing_token == fencing_token

    def _ended_on_purpose(self, now: datetime) -> Self | None:
        if self.cancel_requested:
            return self._end_run(Status.CANCELLED, error=CANCELLED, finished_at=now)
        if self.deadline and now >= self.deadline:
            message = f"The run took longer than its timeout of {self.spec.effective_timeout} seconds."
            return self.fail(TaskError(code="timeout", message=message), now)
        return None

    def _respecify(self, spec: TaskSpec) -> Self:
        if spec == self.spec:
            return self
        if spec.run_at == self.spec.run_at:
            return self._evolve(spec=spec)
        status = Status.SCHEDULED if spec.run_at else Status.QUEUED
        return self._evolve(spec=spec, status=status, due_at=spec.run_at)

    def _require_waiting(self) -> None:
        if not self.status.is_waiting:
            raise TaskNotWaiting(self.status)

    def _roll(self) -> float:
        """A number from 0 to 1 that differs between tasks and attempts; the domain draws no random ones."""
        return (int(self.task_id[-8:], 16) * (self.attempt + 1) * 2_654_435_761 % 2**32) / 2**32

    def _end_run(self, status: Status, **changes: Any) -> Self:
        if self.status is not Status.PROCESSING:
            raise InvalidTransition(self.status, status)
        return self._become(status, **changes)

    def _become(self, status: Status, **changes: Any) -> Self:
        if status not in NEXT[self.status]:
            raise InvalidTransition(self.status, status)
        left_behind: dict[str, Any] = {"owner": None, "cancel_requested": False, "due_at": None}
        if status.is_final:
            left_behind["last_error"] = None
        return self._evolve(**{"status": status, **left_behind, **changes})

    def _evolve(self, **changes: Any) -> Self:
        return self.restore({**vars(self), "version": self.version + 1, **changes})


def _worker_lost(cause: str) -> TaskError:
    message = f"The worker process died during the run {MAX_CRASHES + 1} times; the task is not tried again."
    return TaskError(code=WORKER_LOST, message=f"{message} The last time: {cause}")


def _shortened(error: TaskError) -> TaskError:
    omitted = len(error.message) - LAST_ERROR_LENGTH
    if omitted <= 0:
        return error
    message = f"{error.message[:LAST_ERROR_LENGTH]}… ({omitted} characters more)"
    return TaskError(code=error.code, message=message)
