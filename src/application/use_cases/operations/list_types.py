"""See which kinds of work there are."""

from collections.abc import Sequence

from application.ports.task_handlers import TaskHandlers, TaskType


class ListTypes:
    def __init__(self, handlers: TaskHandlers) -> None:
        self._handlers = handlers

    def execute(self) -> Sequence[TaskType]:
        """All types, by name."""
        return self._handlers.types()
