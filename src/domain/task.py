"""Task: what the service knows of one piece of work, and what may happen to it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from domain.errors import InvalidTransition, TaskFinal, TaskNotWaiting, TaskRunning
from domain.status import NEXT, Status
from domain.task_spec import TaskPatch, TaskSpec

MAX_CRASHES = 3
"""A run lost to a crash is repeated this often; the next loss is final. An endless loop helps nobody."""


@dataclass(frozen=True, kw_only=True)
class TaskError:
    """Why a task ended without a result: a stable machine word, and a sentence."""

    code: str
    message: str


CANCELLED = TaskError(code="cancelled", message="The task was cancelled before it started.")
WORKER_LOST = TaskError(
    code="worker_lost",
    message=f"The worker died during the run {MAX_CRASHES + 1} times; the task is not tried again.",
)


@dataclass(frozen=True, kw_only=True)
class Task:
    """One task. Frozen: every transition returns a new one or raises TransitionRefused.

    The times are aware. `claim` is the number of the latest claim: it is never reset and fences off
    whoever held an earlier one (Kleppmann, "How to do distributed locking", fencing tokens).
    """

    task_id: str
    spec: TaskSpec
    status: Status
    submitted_at: datetime
    version: int = 1
    attempt: int = 0
    """Runs that have started, crashed ones included."""
    crashes: int = 0
    claim: int = 0
    owner: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    result: Any = None
    error: TaskError | None = None

    def __post_init__(self) -> None:
        for instant in (self.submitted_at, self.started_at, self.finished_at):
            if instant is not None and instant.tzinfo is None:
                raise ValueError(f"times must be aware, not {instant!r}")
        if (self.finished_at is not None) != self.status.is_final:
            raise ValueError(f"finished_at is set exactly when a task is final; this one is {self.status}")
        if (self.owner is not None) != (self.status is Status.PROCESSING):
            raise ValueError(f"a task has an owner exactly while it runs; this one is {self.status}")

    @classmethod
    def submit(cls, task_id: str, spec: TaskSpec, now: datetime) -> Self:
        """A new task, which waits in its queue."""
        return cls(task_id=task_id, spec=spec, status=Status.QUEUED, submitted_at=now)

    def start(self, *, owner: str, claim: int, now: datetime) -> Self:
        """A worker claims the task."""
        return self._become(Status.PROCESSING, owner=owner, claim=claim, attempt=self.attempt + 1, started_at=now)

    def complete(self, result: Any, now: datetime) -> Self:
        """The run returned a result."""
        return self._become(Status.COMPLETED, result=result, finished_at=now)

    def fail(self, error: TaskError, now: datetime) -> Self:
        """The run failed for good."""
        return self._become(Status.FAILED, error=error, finished_at=now)

    def hand_back(self) -> Self:
        """The worker shuts down during the run, which counts neither as an attempt nor as a crash."""
        return self._become(Status.QUEUED, attempt=self.attempt - 1, started_at=None)

    def lose(self, now: datetime) -> Self:
        """The worker died during the run: queue it again, or fail it when that happened too often."""
        if self.crashes >= MAX_CRASHES:
            return self._become(Status.FAILED, crashes=self.crashes + 1, error=WORKER_LOST, finished_at=now)
        return self._become(Status.QUEUED, crashes=self.crashes + 1, started_at=None)

    def cancel(self, now: datetime) -> Self:
        """End a waiting task. Raises TaskRunning or TaskFinal for any other."""
        self._refuse_running()
        if self.status.is_final:
            raise TaskFinal(self.status)
        return self._become(Status.CANCELLED, error=CANCELLED, finished_at=now)

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
        self._refuse_running()

    def is_run_of(self, claim: int) -> bool:
        """True while the run that this claim started goes on."""
        return self.status is Status.PROCESSING and self.claim == claim

    def _respecify(self, spec: TaskSpec) -> Self:
        return self if spec == self.spec else self._evolve(spec=spec)

    def _require_waiting(self) -> None:
        if not self.status.is_waiting:
            raise TaskNotWaiting(self.status)

    def _refuse_running(self) -> None:
        if self.status is Status.PROCESSING:
            raise TaskRunning(self.status)

    def _become(self, status: Status, **changes: Any) -> Self:
        if status not in NEXT[self.status]:
            raise InvalidTransition(self.status, status)
        return self._evolve(**{"status": status, "owner": None, **changes})

    def _evolve(self, **changes: Any) -> Self:
        return replace(self, version=self.version + 1, **changes)
