"""One type of task that does what the test says."""

import inspect
from collections.abc import Callable
from typing import Any

from application.errors import UnknownTaskType
from application.ports.run_context import RunContext
from application.ports.task_handlers import TaskHandler, TaskHandlers
from domain.task import Task

Work = Callable[..., Any]
"""Takes the task and, if it has two parameters, the context."""


class FakeTaskHandlers(TaskHandlers):
    def __init__(self, work: Work) -> None:
        self._work = work

    def of_type(self, type: str) -> TaskHandler:
        if type != "sleep":
            raise UnknownTaskType(type)
        return _FakeHandler(self._work)


class _FakeHandler(TaskHandler):
    def __init__(self, work: Work) -> None:
        self._work = work

    def run(self, task: Task, context: RunContext) -> Any:
        takes_context = len(inspect.signature(self._work).parameters) > 1
        return self._work(task, context) if takes_context else self._work(task)
