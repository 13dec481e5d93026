"""Run a plain Python function as a type of task. Its signature is the schema of the payload.

The function imports nothing from this service. Pydantic checks the type hints strictly: "3" is not
a number.
"""

import inspect
import traceback
import typing
from collections.abc import Callable, Mapping
from typing import Any, NotRequired, Required

from adapters.handlers.captured_output import captured_output
from adapters.handlers.coroutines import run_coroutine
from adapters.handlers.payload_schema import PayloadSchema
from application.errors import HandlerFailed, RunStopped
from application.json_values import encode_json
from application.ports.run import RunContext
from application.ports.task_handlers import TaskHandler, TaskType
from domain.errors import InvalidPayload
from domain.task import Task
from domain.task_spec import IO, PROCESS, TaskSpec

CONTEXT = "context"
"""Name of the parameter that receives the Context."""
KEEP_PROCESSES = "keep_processes"
"""Attribute of a function. True lets the processes that it started live on after a run."""

POOL = "pool"
"""Attribute of a function. Names the pool that runs it: PROCESS or, for an `async def`, IO."""


class UnusableFunction(Exception):
    """The function cannot be the work of a task. The message says why."""


class Context:
    """Gives a function its task id and attempt; takes its progress and log lines."""

    def __init__(self, task: Task, run: RunContext) -> None:
        self.task_id = task.task_id
        self.attempt = task.attempt
        self._run = run

    @property
    def cancelled(self) -> bool:
        """True once the task is cancelled or out of time. The work ends half a second later."""
        return self._run.cancelled

    def progress(self, fraction: float, message: str = "") -> None:
        """Report the progress, a fraction from 0 to 1."""
        self._run.progress(fraction, message)

    def log(self, message: str) -> None:
        """Add a line to the task's log."""
        self._run.log(message)


class PythonFunction(TaskHandler):
    """Calls a function with the members of the payload as keyword arguments."""

    def __init__(self, name: str, function: Callable[..., Any], *, where: str) -> None:
        """`where` names the function to people, as module:function. Raises UnusableFunction."""
        self.where = where
        self.keeps_processes: bool = getattr(function, KEEP_PROCESSES, False) is True
        self._function = function
        parameters = _parameters(function)
        self._takes_context = CONTEXT in parameters
        self._payload = _payload(name, function, parameters)
        self.type = TaskType(
            name=name,
            description=inspect.getdoc(function) or f"The Python function {where}.",
            payload_schema=_schema_with_defaults(self._payload, parameters),
            pool=_pool(function),
        )

    def validate(self, spec: TaskSpec) -> None:
        self._payload.read(spec.payload)

    def run(self, task: Task, context: RunContext) -> Any:
        arguments = self._arguments(task, context)
        with captured_output(context.log):
            return self._call(arguments, context)

    async def run_async(self, task: Task, context: RunContext) -> Any:
        """Await the function. The pool captures its output, and turns its cancel into an end."""
        arguments = self._arguments(task, context)
        try:
            return await self._function(**arguments)
        except Exception as error:
            _log_traceback(error, context)
            raise

    def _arguments(self, task: Task, context: RunContext) -> dict[str, Any]:
        """Raises HandlerFailed for a payload that the function no longer takes."""
        try:
            arguments = self._payload.read(task.spec.payload)
        except InvalidPayload as error:
            message = f"The payload no longer fits {self.where}: {error}"
            raise HandlerFailed(message, retry=False) from error
        if self._takes_context:
            arguments[CONTEXT] = Context(task, context)
        return arguments

    def _call(self, arguments: Mapping[str, Any], context: RunContext) -> Any:
        try:
            result = self._function(**arguments)
            return run_coroutine(result, context) if inspect.iscoroutine(result) else result
        except RunStopped:
            raise
        except Exception as error:
            _log_traceback(error, context)
            raise
        except BaseException as error:  # sys.exit() must not end the worker
            raise HandlerFailed(f"{type(error).__name__}: {error}") from error


def _pool(function: Callable[..., Any]) -> str:
    """Return the pool that runs the function. Raises UnusableFunction for one that cannot."""
    is_async = inspect.iscoroutinefunction(function)
    pool = getattr(function, POOL, IO if is_async else PROCESS)
    if pool == PROCESS or (pool == IO and is_async):
        return str(pool)
    if pool == IO:
        raise UnusableFunction('its pool is "io", which runs functions of `async def` alone')
    raise UnusableFunction(f'its pool must be "io" or "process", not {pool!r}')


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise UnusableFunction("it yields; return one value instead")
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError) as error:
        raise UnusableFunction(f"its signature cannot be read: {error}") from error
    for name, parameter in parameters.items():
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL):
            raise UnusableFunction(
                f"its parameter {name} cannot be given by name, as the members of a payload are"
            )
    return parameters


def _payload(
    name: str, function: Callable[..., Any], parameters: Mapping[str, inspect.Parameter]
) -> PayloadSchema:
    try:
        hints = typing.get_type_hints(function, include_extras=True)
        members = {
            parameter.name: (Required if parameter.default is parameter.empty else NotRequired)[
                hints.get(parameter.name, Any)
            ]
            for parameter in parameters.values()
            if parameter.name != CONTEXT and parameter.kind is not parameter.VAR_KEYWORD
        }
        others = [
            name
            for name, parameter in parameters.items()
            if parameter.kind is parameter.VAR_KEYWORD
        ]
        return PayloadSchema(name, members, more=hints.get(others[0], Any) if others else None)
    except Exception as error:
        raise UnusableFunction(
            f"its type hints cannot be read: {_first_sentence(error)}"
        ) from error


def _first_sentence(error: Exception) -> str:
    """Return the first sentence of pydantic's message. The rest is advice about models."""
    return str(error).splitlines()[0].partition(". ")[0]


def _schema_with_defaults(
    payload: PayloadSchema, parameters: Mapping[str, inspect.Parameter]
) -> Mapping[str, Any]:
    """Return the JSON Schema with the function's defaults, which its type hints do not contain."""
    properties = {
        name: {**member, "default": parameters[name].default}
        if name in parameters and not member.get("writeOnly") and _is_json(parameters[name].default)
        else member
        for name, member in payload.json_schema["properties"].items()
    }
    return {**payload.json_schema, "properties": properties}


def _is_json(value: Any) -> bool:
    try:
        encode_json(value)
    except (TypeError, ValueError):
        return False
    return True


def _log_traceback(error: Exception, context: RunContext) -> None:
    """Log the traceback from the function on: frames of this service do not help its author."""
    if error.__traceback__ is not None:
        error = error.with_traceback(error.__traceback__.tb_next or error.__traceback__)
    for part in traceback.format_exception(error):
        for line in part.splitlines():
            context.log(line)
