"""Look up the handlers of this installation by the type of task."""

from collections.abc import Sequence

from application.errors import UnknownTaskType
from application.ports.task_handlers import TaskHandler, TaskHandlers, TaskType
from domain.errors import InvalidTaskSpec, Violation
from domain.task_spec import DEFAULT_TYPE, TaskSpec


class HandlerRegistry(TaskHandlers):
    def __init__(self, handlers: Sequence[TaskHandler]) -> None:
        self._handlers = {handler.type.name: handler for handler in handlers}

    def of_type(self, type: str) -> TaskHandler:
        try:
            return self._handlers[type]
        except KeyError:
            raise UnknownTaskType(type) from None

    def types(self) -> Sequence[TaskType]:
        return [self._handlers[name].type for name in sorted(self._handlers)]

    def validate(self, spec: TaskSpec) -> None:
        if spec.type not in self._handlers:
            known = ", ".join(sorted(self._handlers))
            raise InvalidTaskSpec([("type", f"Must be one of {known}, not {spec.type!r}.")])
        violations: list[Violation] = []
        if spec.type != DEFAULT_TYPE and spec.duration is not None:
            message = f"Belongs to the type {DEFAULT_TYPE} alone; {spec.type} takes a payload."
            violations.append(("duration", message))
        try:
            self._handlers[spec.type].validate(spec)
        except InvalidTaskSpec as error:
            violations += error.violations
        if violations:
            raise InvalidTaskSpec(violations)
