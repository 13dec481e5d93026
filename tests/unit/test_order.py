"""Long test files start first."""

from pathlib import Path

import pytest

from tests import order

pytest_plugins = ["pytester"]

INTEGRATION = Path(order.__file__).parent / "integration"
CLIENT = Path(order.__file__).parents[1] / "clients" / "python" / "tests"


def test_each_long_file_exists() -> None:
    files = {path.name for folder in (INTEGRATION, CLIENT) for path in folder.glob("test_*.py")}

    assert set(order.LONGEST_FIRST) <= files


def test_long_files_come_first_with_their_tests_in_the_order_they_had(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setattr(order, "LONGEST_FIRST", ("test_z.py", "test_b.py"))
    pytester.makeconftest("pytest_plugins = ['tests.order']")
    two = "def test_second(): pass\ndef test_first(): pass"
    pytester.makepyfile(test_a=two, test_b=two, test_z=two)

    result = pytester.runpytest_inprocess("--collect-only", "-q")

    names = [line for line in result.outlines if "::" in line]
    assert names == [
        f"{file}.py::{name}"
        for file in ("test_z", "test_b", "test_a")
        for name in ("test_second", "test_first")
    ]
