"""Leases: a worker holds one on each task that it runs, and must renew it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from application.errors import RunStillHeld
from application.ports.task_repository import Change
from domain.task import Task


@dataclass(frozen=True, kw_only=True)
class LostRun:
    """A run that was counted as a crash."""

    task: Task
    """The task as it is now."""
    fencing_token: int
    """The fencing token of the lost run."""
    owner: str
    """The worker process that lost the run."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One of many claims that are made together."""

    queue: str
    owner: str
    claim_id: str


@dataclass(frozen=True, kw_only=True)
class Renewals:
    """What became of many leases. All others were renewed."""

    lost: Sequence[Task]
    """Another claim holds these."""
    to_stop: Sequence[Task]
    """Renewed, but a cancel request wants their end."""


class TaskLeases(ABC):
    """Every method raises StoreUnavailable."""

    @abstractmethod
    def claim(self, queue: str, *, owner: str, claim_id: str) -> Task | None:
        """Start the first task of the queue under a new lease; None when no task waits.

        Only tasks of the process pool are claimed, unless the worker has no other pool.

        The highest priority comes first, then the order in which tasks were queued. A task that has
        expired is skipped. Repeating a claim id, because the reply was lost, returns the same task
        with its lease renewed. Raises RunStillHeld when the owner holds the run of another claim
        id.
        """

    @abstractmethod
    def finish_and_claim(
        self, end: Change, queue: str, *, owner: str, claim_id: str
    ) -> Task | None:
        """Save the end of a run and claim the next task, in one atomic step. Returns as `claim`
        does.

        Raises StaleTask when the end could not be saved; nothing is claimed then. Raises
        RunStillHeld when the end was saved but the owner holds another run. After StoreUnavailable,
        both may have been done: save the end by other means, then repeat the claim with its id.
        """

    @abstractmethod
    def finish_and_claim_many(
        self, ends: Sequence[Change], claims: Sequence[Claim]
    ) -> tuple[Sequence[bool], Sequence[Task | RunStillHeld | None]]:
        """Save many ends of runs, then claim tasks of the I/O pool, in one round trip.

        Each step is atomic by itself. Returns which of the ends were saved, and what each claim
        came to. After StoreUnavailable any of them may have been done: save the ends by other
        means, and repeat the claims with their ids.
        """

    @abstractmethod
    def renew(self, task: Task) -> bool:
        """Renew the lease. Returns False when another claim holds it."""

    @abstractmethod
    def renew_each(self, runs: Sequence[Task]) -> Renewals:
        """Renew many leases, in one step."""

    @abstractmethod
    def expired(self, *, limit: int) -> Sequence[Task]:
        """Return running tasks whose lease has expired.

        Their worker has died, or was cut off from the store and has killed the run.
        """

    @abstractmethod
    def held_by(self, owners: Sequence[str]) -> Sequence[Task]:
        """Return the running tasks of these owners. Long payloads may be omitted."""

    @abstractmethod
    def held_by_prefix(self, owner_prefix: str) -> Sequence[Task]:
        """Return the running tasks of all owners whose name has this prefix.

        Long payloads may be omitted.
        """

    @abstractmethod
    def lost_by(self, owners: Sequence[str]) -> Sequence[LostRun]:
        """Return the runs of these owners that were counted as crashes within the last day.

        Long payloads and results may be omitted.
        """

    @abstractmethod
    def running(self) -> Mapping[str, str]:
        """Return the ids of all running tasks by their owners."""
