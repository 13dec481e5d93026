"""Keeps the lease of a run alive, and ends the process that cannot keep it."""

from abc import ABC, abstractmethod

from domain.task import Task


class LeaseKeeper(ABC):
    """A run that cannot renew its lease must be dead before the lease ends: only then may another start."""

    @abstractmethod
    def arm(self) -> None:
        """Call before each time a claim is sent: from now on the process ends unless the lease is renewed."""

    @abstractmethod
    def keep(self, task: Task) -> None:
        """The claim was granted: renew its lease until `release`."""

    @abstractmethod
    def stop_renewing(self) -> None:
        """The work is done: its end is about to be saved, after which there is no lease to renew.

        The process still ends unless `release` follows in time.
        """

    @abstractmethod
    def release(self) -> None:
        """The run is over, or there was none."""
