"""Repeat the tests while every core is busy, and compare the outcome of each test.

A test that fails in one run, or whose outcomes differ, shows a bug of the test or of the code: no
deadline may depend on an idle machine. The output and the JUnit report of each run are stored.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

EXAMPLES = """
examples:
  make steady RUNS=10                                  all tests ten times
  python -m tests.steady --runs 3 -- tests/unit -q     three times, with these arguments of pytest
  python -m tests.steady --busy 4                      with four busy processes
"""
ALL_TESTS = ("-n", "4", "--dist", "loadfile", "--no-loadscope-reorder")
"""The arguments of `make test` and `make test-slow`, for all tests."""
BUSY = """
import os, sys, time
parent, ends = int(sys.argv[1]), time.monotonic() + float(sys.argv[2])
while os.getppid() == parent and time.monotonic() < ends:
    sum(range(100_000))
"""
"""A program that computes until its time is over or the program that started it has ended."""
BUSY_SECONDS = 3600

Outcomes = Mapping[str, str]
"""Outcome of each test by its name: passed, skipped, failed or error."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tests. Returns 0 if every run passed and no outcome differs."""
    options = _parser().parse_args(arguments)
    folder = options.into or Path(tempfile.mkdtemp(prefix="steady-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"{options.runs} runs beside {options.busy} busy processes; reports in {folder}")
    runs: list[Outcomes] = []
    passed = True
    for number in range(1, options.runs + 1):
        report = folder / f"run-{number}.xml"
        began = time.monotonic()
        with busy(options.busy), report.with_suffix(".log").open("wb") as output:
            code = _run(options.pytest or ALL_TESTS, report, output.fileno())
        runs.append(read(report))
        passed = passed and code == 0
        counts = Counter(runs[-1].values())
        said = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
        seconds = time.monotonic() - began
        said = said or "no report"
        print(f"run {number}: exit code {code}, {said}, {seconds:.0f} s", flush=True)
    unsteady = differences(runs)
    for test, outcomes in unsteady.items():
        print(f"differs: {test}: {', '.join(outcomes)}")
    for test in sorted(test for test, outcome in runs[0].items() if test not in unsteady):
        if runs[0][test] in ("failed", "error"):
            print(f"{runs[0][test]} in every run: {test}")
    print(
        "One verdict: every run passed." if passed and not unsteady else "The tests are not steady."
    )
    return 0 if passed and not unsteady else 1


@contextlib.contextmanager
def busy(number: int) -> Iterator[None]:
    """Keep this number of cores busy."""
    arguments = [sys.executable, "-c", BUSY, str(os.getpid()), str(BUSY_SECONDS)]
    processes = [subprocess.Popen(arguments) for _ in range(number)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def read(report: Path) -> Outcomes:
    """Return the outcomes of a JUnit report; nothing if the run wrote none."""
    if not report.exists():
        return {}
    outcomes = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        found = {child.tag for child in case} & {"failure", "error", "skipped"}
        worst = next((tag for tag in ("error", "failure", "skipped") if tag in found), "passed")
        outcomes[name] = "failed" if worst == "failure" else worst
    return outcomes


def differences(runs: Sequence[Outcomes]) -> Mapping[str, Sequence[str]]:
    """Return the tests whose outcomes differ between runs, with the outcome of each run."""
    tests = sorted(set().union(*runs))
    outcomes = {test: [run.get(test, "not run") for run in runs] for test in tests}
    return {test: each for test, each in outcomes.items() if len(set(each)) > 1}


def _run(arguments: Sequence[str], report: Path, output: int) -> int:
    command = [sys.executable, "-m", "pytest", f"--junitxml={report}", *arguments]
    return subprocess.run(command, stdout=output, stderr=output, check=False).returncode


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.steady",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--runs", type=int, default=10, help="how often the tests run (10)")
    cores = os.cpu_count() or 1
    parser.add_argument("--busy", type=int, default=cores, help=f"busy processes ({cores})")
    parser.add_argument("--into", type=Path, help="folder of the reports (a new temporary one)")
    parser.add_argument(
        "pytest", nargs="*", help=f"arguments of pytest, after -- ({' '.join(ALL_TESTS)})"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
