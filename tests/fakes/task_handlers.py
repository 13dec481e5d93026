"""Handlers with one type of task, whose work the test gives."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from application.errors import UnknownTaskType
from application.ports.run import RunContext
from application.ports.task_handlers import TaskHandler, TaskHandlers, TaskType
from domain.errors import InvalidTaskSpec
from domain.task import Task
from domain.task_spec import TaskSpec

Work = Callable[..., Any]
"""Takes the task and, if it has two parameters, the context."""


class FakeTaskHandlers(TaskHandlers):
    def __init__(self, work: Work) -> None:
        self._work = work

    def of_type(self, type: str) -> TaskHandler:
        if type != "sleep":
            raise UnknownTaskType(type)
        return _FakeHandler(self._work)

    def types(self) -> Sequence[TaskType]:
        return [_FakeHandler.type]

    def validate(self, spec: TaskSpec) -> None:
        if spec.type != "sleep":
            raise InvalidTaskSpec([("type", "Must be sleep.")])


class _FakeHandler(TaskHandler):
    type = TaskType(
        name="sleep", description="What the test says.", payload_schema={"type": "object"}
    )

    def __init__(self, work: Work) -> None:
        self._work = work

    def validate(self, spec: TaskSpec) -> None:
        """Accepts any specification."""

    def run(self, task: Task, context: RunContext) -> Any:
        takes_context = len(inspect.signature(self._work).parameters) > 1
        return self._work(task, context) if takes_context else self._work(task)
