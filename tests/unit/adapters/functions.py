"""Call a plain function as the worker and the API do."""

from collections.abc import Callable
from typing import Any

from adapters.handlers.python_function import PythonFunction
from tests.building import a_spec, a_task
from tests.fakes.run_context import FakeRunContext


def handler(function: Callable[..., Any]) -> PythonFunction:
    return PythonFunction(function.__name__, function, where=f"shop.tasks:{function.__name__}")


def run(function: Callable[..., Any], context: FakeRunContext | None = None, **payload: Any) -> Any:
    return handler(function).run(
        a_task(type=function.__name__, payload=payload), context or FakeRunContext()
    )


def validate(function: Callable[..., Any], payload: dict[str, Any]) -> None:
    handler(function).validate(a_spec(type=function.__name__, payload=payload))
