"""Repeated runs are compared test by test."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests import steady

SOMETIMES = """
from pathlib import Path
def test_same(): pass
def test_sometimes():
    seen = Path(__file__).with_name("seen")
    assert not seen.exists()
    seen.touch()
"""


def test_a_test_that_passes_only_once_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    (tmp_path / "pytest.ini").write_text("[pytest]")
    (tmp_path / "test_it.py").write_text(SOMETIMES)
    arguments = ["--runs", "2", "--busy", "1", "--into", str(tmp_path / "reports"), "--"]

    code = steady.main([*arguments, str(tmp_path / "test_it.py"), "--rootdir", str(tmp_path)])

    said = capsys.readouterr().out
    assert code == 1
    assert "run 1: exit code 0, 2 passed" in said
    assert "run 2: exit code 1, 1 failed, 1 passed" in said
    assert "differs: test_it::test_sometimes: passed, failed" in said
    assert "test_same" not in said
    assert "1 failed, 1 passed" in (tmp_path / "reports" / "run-2.log").read_text()


def test_a_test_that_one_run_does_not_have_differs() -> None:
    runs = [{"a": "passed", "b": "passed"}, {"a": "passed"}]

    assert steady.differences(runs) == {"b": ["passed", "not run"]}


def test_the_busy_processes_end_with_the_run() -> None:
    before = set(psutil.Process().children())  # such as the Redis server of these tests
    with steady.busy(2):
        started = set(psutil.Process().children()) - before
        assert len(started) >= 2

    assert not [process for process in started if process.is_running()]


def test_the_help_shows_examples() -> None:
    command = [sys.executable, "-m", "tests.steady", "--help"]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert "make steady RUNS=10" in done.stdout


def test_the_tests_run_as_make_test_runs_them() -> None:
    makefile = Path(steady.__file__).parents[1] / "Makefile"

    assert f"pytest {' '.join(steady.ALL_TESTS)}\n" in makefile.read_text()
