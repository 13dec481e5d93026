"""Find the functions that TASKS_HANDLERS names."""

import importlib
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from adapters.handlers.python_function import PythonFunction, UnusableFunction

SERVICE_PACKAGES = {"domain", "application", "adapters", "entrypoints"}


class UnusableHandlers(Exception):
    """TASKS_HANDLERS names modules or functions that cannot be used."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def find_functions(names: Sequence[str], *, built_in: Sequence[str]) -> Sequence[PythonFunction]:
    """Return the functions of all `names`, each a `module` or a `module:function`.

    Modules are imported from sys.path and the current folder. `built_in` are the types that exist
    already. Raises UnusableHandlers with all problems.
    """
    if (here := str(Path.cwd())) not in sys.path and names:
        sys.path.insert(0, here)
    problems: list[str] = []
    found: dict[str, PythonFunction] = {}
    for named in dict.fromkeys(names):
        for function in _functions(named, problems):
            name = function.type.name
            if name in built_in:
                problem = f"the type {name} is built in: rename the function"
                problems.append(f"TASKS_HANDLERS names {function.where}, but {problem}")
            elif name in found and found[name].where != function.where:
                both = f"{found[name].where} and {function.where}"
                problem = f"both are the type {name}: rename one of them"
                problems.append(f"TASKS_HANDLERS names {both}, and {problem}")
            found[name] = function
    if problems:
        raise UnusableHandlers(problems)
    return list(found.values())


def _functions(named: str, problems: list[str]) -> Iterator[PythonFunction]:
    """Yield the functions that one name stands for. Appends to `problems` for each unusable one."""
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
            problems.append(
                f"TASKS_HANDLERS names {named}: {name} cannot be the work of a task: {error}"
            )


def _imported(name: str) -> ModuleType:
    package = name.partition(".")[0]
    if package in SERVICE_PACKAGES:
        raise UnusableFunction(f"{package} is a package of this service: rename your module")
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        cause = _import_failure(name, error)
        raise UnusableFunction(f"the module cannot be imported: {cause}") from error


def _import_failure(name: str, error: BaseException) -> str:
    """Describe why an import failed and, where it is known, what to do about it."""
    cause = f"{type(error).__name__}: {error}"
    if name.endswith(".py"):
        return f"{cause} (write {name.removesuffix('.py')}, without .py)"
    if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}."):
        places = f"looked in {Path.cwd()} and PYTHONPATH"
        return f"{cause} ({places}; name a function of a module as module:function)"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "importlib" not in frame.filename]
    where = f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""
    return f"{cause}{where}{_advice(error)}"


def _advice(error: BaseException) -> str:
    if not isinstance(error, ModuleNotFoundError):
        return ""
    in_docker = (
        "in Docker, add it to handlers/requirements.txt and start again with `make up`, `make "
        "prod` "
        "or `docker compose up --build`"
    )
    install = f"Install the package that contains {error.name}: .venv/bin/pip install …"
    return f". {install}; {in_docker}"


def _named(module: ModuleType, name: str) -> list[tuple[str, Callable[..., Any]]]:
    function = getattr(module, name, None)
    if not callable(function):
        raise UnusableFunction(f"{module.__name__} has no function {name}")
    return [(name, function)]


def _public(module: ModuleType) -> list[tuple[str, Callable[..., Any]]]:
    """Return the functions that the module defines itself. Raises UnusableFunction for none."""
    functions: list[tuple[str, Callable[..., Any]]] = [
        (name, function)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if not name.startswith("_") and function.__module__ == module.__name__
    ]
    if not functions:
        raise UnusableFunction(
            "the module defines no public function; name one that it imports as module:function"
        )
    return functions
