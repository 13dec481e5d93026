"""Find the functions that TASKS_HANDLERS names, and list all problems."""

import sys
from pathlib import Path

import pytest

from adapters.handlers.discovery import UnusableHandlers, find_functions


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, whose modules are forgotten afterwards."""
    known = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").touch()
    (tmp_path / "shop" / "tasks.py").write_text(
        "from os.path import join\n"
        "def pack(order: int) -> str:\n    return join('a', str(order))\n"
        "async def send(order: int) -> None: pass\n"
        "def _private() -> None: pass\n"
    )
    yield tmp_path
    for name in set(sys.modules) - known:
        if name.startswith("shop") or name == "broken":
            del sys.modules[name]


def found(*names: str) -> list[str]:
    return sorted(function.where for function in find_functions(names, built_in=["sleep"]))


def problems(*names: str) -> list[str]:
    with pytest.raises(UnusableHandlers) as refusal:
        find_functions(names, built_in=["sleep"])
    return list(refusal.value.problems)


def test_a_module_stands_for_the_public_functions_that_it_defines():
    assert found("shop.tasks") == ["shop.tasks:pack", "shop.tasks:send"]


def test_a_function_can_be_named_alone_and_twice():
    assert found("shop.tasks:pack") == ["shop.tasks:pack"]
    assert found("shop.tasks", "shop.tasks:pack") == ["shop.tasks:pack", "shop.tasks:send"]


def test_all_problems_are_listed_at_once(shop: Path):
    (shop / "broken.py").write_text("1 / 0")
    (shop / "shop" / "empty.py").write_text("from shop.tasks import pack")
    (shop / "shop" / "wrong.py").write_text("def first(*all): pass\ndef second(): yield\n")

    said = problems(
        "shop.nowhere", "broken", "shop.empty", "shop.tasks:missing", "shop.wrong", "domain.task"
    )

    cannot = "cannot be the work of a task"
    assert [line.partition(" (")[0].removeprefix("TASKS_HANDLERS names ") for line in said] == [
        "shop.nowhere: the module cannot be imported: ModuleNotFoundError: No module named "
        "'shop.nowhere'",
        "broken: the module cannot be imported: ZeroDivisionError: division by zero",
        "shop.empty: the module defines no public function; name one that it imports as "
        "module:function",
        "shop.tasks:missing: shop.tasks has no function missing",
        f"shop.wrong: first {cannot}: its parameter all cannot be given by name, as the members of "
        "a payload are",
        f"shop.wrong: second {cannot}: it yields; return one value instead",
        "domain.task: domain is a package of this service: rename your module",
    ]
    assert all(line.startswith("TASKS_HANDLERS names ") for line in said)


def test_a_failed_import_is_reported_with_what_to_do(shop: Path):
    (shop / "broken.py").write_text("\n\nimport shop.tasks, nowhere_to_be_found")

    [written_as_a_file, inside, elsewhere] = problems(
        "shop/tasks.py".replace("/", "."), "broken", "shopp"
    )

    assert "(write shop.tasks, without .py)" in written_as_a_file
    assert "broken.py, line 3). Install the package that contains nowhere_to_be_found" in inside
    assert "handlers/requirements.txt" in inside
    assert f"(looked in {shop} and PYTHONPATH" in elsewhere


def test_two_functions_of_one_name_are_refused(shop: Path):
    (shop / "shop" / "more.py").write_text("def pack(): pass\ndef sleep(): pass\n")

    assert problems("shop.tasks", "shop.more") == [
        "TASKS_HANDLERS names shop.tasks:pack and shop.more:pack, and both are the type pack: "
        "rename one of them",
        "TASKS_HANDLERS names shop.more:sleep, but the type sleep is built in: rename the function",
    ]
