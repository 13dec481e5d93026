"""Where the work of a task may be interrupted."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager


class RunInterrupt(ABC):
    @abstractmethod
    def allowed(self) -> AbstractContextManager[None]:
        """Within the block, and nowhere else, RunStopped may be raised."""
