"""Build the handlers of all types of task: the built-in ones and your functions."""

from collections.abc import Sequence

from adapters.handlers.discovery import UnusableHandlers, find_functions
from adapters.handlers.http_call import HttpCall
from adapters.handlers.isolated_handler import IsolatedHandler
from adapters.handlers.python_function import PythonFunction
from adapters.handlers.registry import HandlerRegistry
from adapters.handlers.sleep import SleepHandler
from adapters.http.outbound import OutboundHttp
from adapters.http.signature import Signature, http_secret
from adapters.supervision.descendants import Descendants
from adapters.supervision.task_process import TaskProcess
from adapters.system.clock import SystemClock
from adapters.tracing.untraced import Untraced
from application.ports.task_handlers import TaskHandler
from application.ports.tracer import Tracer
from entrypoints.environment import environment_restorer
from entrypoints.settings import InvalidSettings, Settings


def find_handlers(
    settings: Settings, process: TaskProcess | None = None, tracer: Tracer | None = None
) -> HandlerRegistry:
    """Return the handlers of all types of task.

    `process` and `tracer` are given where tasks run. Functions then run in isolation from each
    other.
    Raises InvalidSettings if TASKS_HANDLERS names a module or function that cannot be used.
    """
    http, signature = (
        OutboundHttp(settings.http_allowed_networks),
        Signature(http_secret(settings.callback_secret)),
    )
    built_in = [SleepHandler(), HttpCall(http, signature, SystemClock(), tracer or Untraced())]
    try:
        functions = find_functions(
            settings.handlers, built_in=[handler.type.name for handler in built_in]
        )
    except UnusableHandlers as error:
        raise InvalidSettings(list(error.problems)) from error
    return HandlerRegistry(
        [*built_in, *(functions if process is None else _isolated(functions, process))]
    )


def _isolated(functions: Sequence[PythonFunction], process: TaskProcess) -> Sequence[TaskHandler]:
    descendants, restore_environment = Descendants(), environment_restorer()
    return [
        IsolatedHandler(
            function,
            process,
            descendants,
            restore_environment,
            keeps_processes=function.keeps_processes,
        )
        for function in functions
    ]


def http_signing_key(settings: Settings) -> str:
    """Return the secret that verifies `http` tasks.

    Raises InvalidSettings without TASKS_CALLBACK_SECRET.
    """
    secret = http_secret(settings.callback_secret)
    if secret is None:
        raise InvalidSettings(
            [
                "TASKS_CALLBACK_SECRET is not set, so the service signs nothing. Set it, or "
                "TASKS_CALLBACK_SECRET_FILE, to the value that the service has."
            ]
        )
    return secret
