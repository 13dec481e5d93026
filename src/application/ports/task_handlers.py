"""The code that does the work of a task."""

from abc import ABC, abstractmethod
from typing import Any

from application.ports.run_context import RunContext
from domain.task import Task


class TaskHandler(ABC):
    @abstractmethod
    def run(self, task: Task, context: RunContext) -> Any:
        """Do the work; answers the result, a JSON value. Any exception means that the run failed."""


class TaskHandlers(ABC):
    @abstractmethod
    def of_type(self, type: str) -> TaskHandler:
        """The handler of a type of task. Raises UnknownTaskType."""
