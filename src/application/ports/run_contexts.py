"""Where the running work of a task finds its context."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager

from application.ports.run_context import RunContext
from domain.task import Task


class RunContexts(ABC):
    @abstractmethod
    def of(self, run: Task) -> AbstractContextManager[RunContext]:
        """The context of this run; what the work said is kept when the block ends, at the latest."""
