from collections.abc import Callable
from typing import Any

from application.errors import UnknownTaskType
from application.ports.task_handlers import TaskHandler, TaskHandlers
from domain.task import Task


class FakeTaskHandlers(TaskHandlers):
    """One type of task, `sleep`, which does what the test says."""

    def __init__(self, work: Callable[[Task], Any]) -> None:
        self._work = work

    def of_type(self, type: str) -> TaskHandler:
        if type != "sleep":
            raise UnknownTaskType(type)
        return _FakeHandler(self._work)


class _FakeHandler(TaskHandler):
    def __init__(self, work: Callable[[Task], Any]) -> None:
        self._work = work

    def run(self, task: Task) -> Any:
        return self._work(task)
