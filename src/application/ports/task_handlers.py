"""Do the work of tasks: one handler for each type."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from application.ports.run import RunContext
from domain.retry_policy import NO_RETRY, RetryPolicy
from domain.task import Task
from domain.task_spec import DEFAULT_TIMEOUT_SECONDS, PROCESS, TaskSpec


@dataclass(frozen=True, kw_only=True)
class TaskType:
    """A kind of work that this installation can do."""

    name: str
    description: str
    payload_schema: Mapping[str, Any]
    """JSON Schema of its arguments."""
    default_retry: RetryPolicy = NO_RETRY
    """The retry policy of a task that has none of its own."""
    pool: str = PROCESS
    """The pool that runs tasks of this type. One of IO has handlers with `run_async`."""


class TaskHandler(ABC):
    """Does the work of one type of task, and knows the rules of that type."""

    type: TaskType

    def default_timeout(self, spec: TaskSpec) -> int:
        """Return the seconds that one run may take when the specification has no timeout."""
        return DEFAULT_TIMEOUT_SECONDS

    @abstractmethod
    def validate(self, spec: TaskSpec) -> None:
        """Check the rules of this type. Raises InvalidTaskSpec with all problems."""

    @abstractmethod
    def run(self, task: Task, context: RunContext) -> Any:
        """Do the work and return the result, a JSON value. Any exception fails the run."""

    async def run_async(self, task: Task, context: RunContext) -> Any:
        """Do the work as `run` does, beside many others: whatever takes long must be awaited.

        Types of the pool IO implement it.
        """
        raise NotImplementedError

    def host_of(self, task: Task) -> str | None:
        """Return the host that the work waits for; None if it is not known.

        The I/O pool limits the runs that wait for one host.
        """
        return None


class TaskHandlers(ABC):
    @abstractmethod
    def of_type(self, type: str) -> TaskHandler:
        """Return the handler of a type. Raises UnknownTaskType."""

    @abstractmethod
    def types(self) -> Sequence[TaskType]:
        """Return all types, sorted by name."""

    @abstractmethod
    def validate(self, spec: TaskSpec) -> None:
        """Raises InvalidTaskSpec if the type is unknown or its handler refuses the task."""
