"""Finds the functions that TASKS_HANDLERS names."""

import importlib
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from adapters.handlers.python_function import PythonFunction, UnusableFunction

OUR_PACKAGES = {"domain", "application", "adapters", "entrypoints"}


class UnusableHandlers(Exception):
    """Some of the names do not lead to functions that can be used."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def find_functions(names: Sequence[str], *, built_in: Sequence[str]) -> Sequence[PythonFunction]:
    """The functions of `module`s and `module:function`s; a module is looked for in the present folder, too.

    Raises UnusableHandlers with everything that is wrong.
    """
    if (here := str(Path.cwd())) not in sys.path and names:
        sys.path.insert(0, here)
    problems: list[str] = []
    found: dict[str, PythonFunction] = {}
    for named in dict.fromkeys(names):
        for function in _functions(named, problems):
            name = function.type.name
            if name in built_in:
                problems.append(f"TASKS_HANDLERS names {function.where}, and the type {name} is built in: rename yours")
            elif name in found and found[name].where != function.where:
                problems.append(
                    f"TASKS_HANDLERS leads to {found[name].where} and to {function.where}, and both are the type "
                    f"{name}: rename one"
                )
            found[name] = function
    if problems:
        raise UnusableHandlers(problems)
    return list(found.values())


def _functions(named: str, problems: list[str]) -> Iterator[PythonFunction]:
    """Adds to the problems what cannot be used."""
    module_name, _, function_name = named.partition(":")
    try:
        module = _imported(module_name)
        members = _named(module, function_name) if function_name else _public(module)
    except UnusableFunction as error:
        problems.append(f"TASKS_HANDLERS names {named}: {error}")
        return
    for name, function in members:
        try:
            yield PythonFunction(name, function, where=f"{module_name}:{name}")
        except UnusableFunction as error:
            problems.append(f"TASKS_HANDLERS names {named}: {name} cannot be the work of a task: {error}")


def _imported(name: str) -> ModuleType:
    package = name.partition(".")[0]
    if package in OUR_PACKAGES:
        raise UnusableFunction(f"{package} is a package of this service: rename yours")
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise UnusableFunction(f"the module does not import: {_why(name, error)}") from error


def _why(name: str, error: BaseException) -> str:
    """With what to do about it, where that can be told."""
    said = f"{type(error).__name__}: {error}"
    if name.endswith(".py"):
        return f"{said} (write {name.removesuffix('.py')}, without .py)"
    if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}."):
        return f"{said} (looked in {Path.cwd()} and PYTHONPATH; a function in a module is module:function)"
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename]
    where = f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""
    return f"{said}{where}{_advice(error)}"


def _advice(error: BaseException) -> str:
    if not isinstance(error, ModuleNotFoundError):
        return ""
    return (
        f". Install the package that holds {error.name}: .venv/bin/pip install …; in Docker, name it in "
        "handlers/requirements.txt and start again with `make up`, `make prod` or `docker compose up --build`"
    )


def _named(module: ModuleType, name: str) -> list[tuple[str, Callable[..., Any]]]:
    function = getattr(module, name, None)
    if not callable(function):
        raise UnusableFunction(f"{module.__name__} has no function {name}")
    return [(name, function)]


def _public(module: ModuleType) -> list[tuple[str, Callable[..., Any]]]:
    """Those that the module defines itself."""
    functions: list[tuple[str, Callable[..., Any]]] = [
        (name, function)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if not name.startswith("_") and function.__module__ == module.__name__
    ]
    if not functions:
        raise UnusableFunction(
            "the module defines no public function itself; name one that it imports as module:function"
        )
    return functions
