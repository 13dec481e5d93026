"""The code that does the work of a task."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from application.ports.run import RunContext
from domain.task import Task
from domain.task_spec import TaskSpec


@dataclass(frozen=True, kw_only=True)
class TaskType:
    """A kind of work that this installation knows."""

    name: str
    description: str
    payload_schema: Mapping[str, Any]
    """JSON Schema of its arguments."""


class TaskHandler(ABC):
    type: TaskType
    """What it does."""

    @abstractmethod
    def check(self, payload: Mapping[str, Any]) -> None:
        """Raises InvalidPayload when this is not what the type takes."""

    @abstractmethod
    def run(self, task: Task, context: RunContext) -> Any:
        """Do the work; answers the result, a JSON value. Any exception means that the run failed."""


class TaskHandlers(ABC):
    @abstractmethod
    def of_type(self, type: str) -> TaskHandler:
        """The handler of a type of task. Raises UnknownTaskType."""

    @abstractmethod
    def types(self) -> Sequence[TaskType]:
        """All types, by name."""

    @abstractmethod
    def check(self, spec: TaskSpec) -> None:
        """Raises InvalidTaskSpec when there is no such type, or its arguments are not what it takes."""
