"""Who runs what: a worker holds a lease on the task that it runs, and must renew it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from application.ports.task_repository import Change
from domain.task import Task


@dataclass(frozen=True, kw_only=True)
class LostRun:
    """A run that was counted as a crash."""

    task: Task
    """As it stands now."""
    fencing_token: int
    """Of the run that was lost."""
    owner: str
    """The process that lost it."""


class TaskLeases(ABC):
    """Every method raises StoreUnavailable when the store cannot be reached."""

    @abstractmethod
    def claim(self, queue: str, *, owner: str, claim_id: str) -> Task | None:
        """Start the first task of the queue under a fresh lease; None when nothing waits.

        Highest priority first, then in the order in which tasks came to wait. Never takes a task that
        somebody holds, and none that has expired. Repeating a claim id answers the same task (the reply
        was lost), its lease made whole again. Raises RunStillHeld when the owner still holds the run of
        another claim id.
        """

    @abstractmethod
    def finish_and_claim(self, end: Change, queue: str, *, owner: str, claim_id: str) -> Task | None:
        """Save the end of a run and claim, in one step; answers what `claim` answers.

        Raises StaleTask when the end could not be saved, and nothing is claimed then; RunStillHeld when it was and the
        owner holds yet another run. After StoreUnavailable both may have been made: save the end by other means, then
        repeat the claim with its id.
        """

    @abstractmethod
    def renew(self, task: Task) -> bool:
        """Make the lease whole again; False when it is no longer this claim's."""

    @abstractmethod
    def expired(self, *, limit: int) -> Sequence[Task]:
        """Running tasks whose lease ran out: their worker is gone, or cut off and has killed the run."""

    @abstractmethod
    def held_by(self, owners: Sequence[str]) -> Sequence[Task]:
        """Running tasks of these owners."""

    @abstractmethod
    def held_under(self, owner_prefix: str) -> Sequence[Task]:
        """Running tasks of all owners whose name starts with this."""

    @abstractmethod
    def lost_by(self, owners: Sequence[str]) -> Sequence[LostRun]:
        """The runs of these owners that were counted as crashes within the last day."""

    @abstractmethod
    def running(self) -> Mapping[str, str]:
        """The ids of all tasks that run now, by their owners."""
