"""The ways in which a run ends, as values that turn the running task into its next state."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from application.json_values import replace_surrogates
from domain.task import POSTPONEMENT, Task
from domain.task_error import TaskError

MAX_MESSAGE_LENGTH = 10_000
"""Characters of an error's message."""


class RunOutcome(ABC):
    """The way in which a run ended."""

    @abstractmethod
    def apply(self, task: Task, now: datetime) -> Task:
        """Return the task after its run ended like this."""


@dataclass(frozen=True)
class Completed(RunOutcome):
    """The handler returned a result."""

    result: Any

    def apply(self, task: Task, now: datetime) -> Task:
        return task.complete(self.result, now)


@dataclass(frozen=True)
class Failed(RunOutcome):
    """The handler raised an exception, or its result cannot be stored."""

    message: str
    retry: bool = True
    """False when another attempt cannot help."""
    wait: timedelta = timedelta(0)
    """Shortest wait before the next attempt."""

    def apply(self, task: Task, now: datetime) -> Task:
        message = replace_surrogates(self.message[:MAX_MESSAGE_LENGTH])
        error = TaskError(code="handler_error", message=message)
        return task.fail(error, now, retry=self.retry, wait=self.wait)


@dataclass(frozen=True)
class Stopped(RunOutcome):
    """The run is handed back without counting (shutdown, or a run that an earlier claim left).

    Task.stop ends the task instead if it was cancelled or is out of time.
    """

    def apply(self, task: Task, now: datetime) -> Task:
        return task.stop(now)


@dataclass(frozen=True)
class Postponed(RunOutcome):
    """The worker has no handler for the task's type, or the work would hold up others now."""

    wait: timedelta = POSTPONEMENT

    def apply(self, task: Task, now: datetime) -> Task:
        return task.postpone(now, self.wait)


@dataclass(frozen=True)
class Moved(RunOutcome):
    """The run kept others of its process from running."""

    def apply(self, task: Task, now: datetime) -> Task:
        return task.move_to_process(now)


@dataclass(frozen=True)
class Lost(RunOutcome):
    """The run was cut short by a crash or a stop request. Task.lose decides which end that is."""

    cause: str
    """Full sentences for the task's error."""

    def apply(self, task: Task, now: datetime) -> Task:
        return task.lose(now, self.cause)


@dataclass(frozen=True)
class LostBesideOthers(RunOutcome):
    """The run was lost with a process that ran many tasks, none known to be the cause."""

    def apply(self, task: Task, now: datetime) -> Task:
        return task.lose_beside_others(now)


@dataclass(frozen=True)
class RunEnd:
    """The end of one run: which run, how it ended and when."""

    run: Task
    outcome: RunOutcome
    at: datetime
    """The time of the store's clock."""

    def apply(self, task: Task) -> Task:
        """Return the task after this end. Returns it unchanged when this run no longer holds it."""
        if not task.is_run_of(self.run.fencing_token):
            return task
        return self.outcome.apply(task, self.at)
