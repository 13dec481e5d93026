"""`python -m benchmarks` measures, and fails on what is no measurement."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def benchmarks(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_short_run_of_one_group_prints_its_table_and_its_goals() -> None:
    written = ROOT / "docs" / "benchmarks.md"
    before = written.read_bytes() if written.exists() else None

    run = benchmarks("--only", "submit", "--quick", "--no-peers", "--seconds", "0.2")

    assert run.returncode == 0, run.stderr
    assert "| ours |" in run.stdout
    assert "| plain |" in run.stdout
    assert "| POST /tasks: rate against the plain service |" in run.stdout
    assert "goals are reached" in run.stderr
    assert (written.read_bytes() if written.exists() else None) == before


def test_an_unknown_group_is_refused_with_the_known_ones() -> None:
    run = benchmarks("--only", "submit,lists")

    assert run.returncode == 2
    assert "'lists' is none of submit, read" in run.stderr
