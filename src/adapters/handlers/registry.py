"""The handlers of this installation by the type of task that they do."""

from collections.abc import Mapping

from application.errors import UnknownTaskType
from application.ports.task_handlers import TaskHandler, TaskHandlers


class HandlerRegistry(TaskHandlers):
    def __init__(self, handlers: Mapping[str, TaskHandler]) -> None:
        self._handlers = dict(handlers)

    def of_type(self, type: str) -> TaskHandler:
        try:
            return self._handlers[type]
        except KeyError:
            raise UnknownTaskType(type) from None
