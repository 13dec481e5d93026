"""Where the work of a task may be interrupted."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager


class RunInterrupt(ABC):
    @property
    @abstractmethod
    def asked(self) -> bool:
        """The work of the last `allowed` was asked to stop."""

    @abstractmethod
    def allowed(self) -> AbstractContextManager[None]:
        """Within the block, and nowhere else, RunStopped may be raised."""

    @abstractmethod
    def instead(self, stop: Callable[[], None]) -> AbstractContextManager[None]:
        """Within the block `stop` is called in place of raising RunStopped."""
