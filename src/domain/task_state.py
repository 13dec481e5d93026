"""TaskState: the members of a task, and what must hold between them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from domain.errors import InvalidTransition
from domain.restore import restore
from domain.status import NEXT, Status
from domain.task_error import TaskError
from domain.task_spec import TaskSpec
from domain.trace_context import TraceContext


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The progress that the run itself reports."""

    fraction: float
    """0 to 1."""
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class ScheduleSlot:
    """The schedule that made a task, and for which of its slots."""

    name: str
    slot: datetime | None = None
    """None when a caller had the schedule make the task at once."""


@dataclass(frozen=True, kw_only=True)
class TaskState:
    """The members of a task. Frozen. All times are aware."""

    task_id: str
    spec: TaskSpec
    status: Status
    submitted_at: datetime
    submitted_by: str | None = None
    """The id of the key that submitted the task; None without one."""
    schedule: ScheduleSlot | None = None
    """The schedule that made the task; None for a task that a caller submitted."""
    version: int = 1
    attempt: int = 0
    """Number of runs that have started, including crashed ones."""
    crashed_fencing_tokens: tuple[int, ...] = ()
    """The fencing tokens of the runs that were lost to a crash."""
    shared_crashes: int = 0
    """Number of runs that were lost with a process that ran other tasks, too, none of which was
    known to be the cause."""
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
    """A JSON value. A store may give a long one as its text: application.json_values.JsonText."""
    error: TaskError | None = None
    """Reason why the task ended without a result."""
    last_error: TaskError | None = None
    """Reason why the latest failed or lost run ended; None once the task is final."""
    trace: TraceContext | None = None
    """The trace of the request that submitted the task; None if it had none."""
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

    def is_due(self, now: datetime) -> bool:
        """Return whether a SCHEDULED task is to be queued now."""
        return self.due_at is not None and self.due_at <= now

    def has_expired(self, now: datetime) -> bool:
        """Return whether the expires_at has passed. A task that still waits then never starts.

        claim.lua has a copy of this rule; the contract suites hold both to it.
        """
        return self.spec.has_expired(now)

    def is_run_of(self, fencing_token: int) -> bool:
        """Return whether the run with this fencing token still goes on."""
        return self.status is Status.PROCESSING and self.fencing_token == fencing_token

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
