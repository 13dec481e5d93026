"""A pytest plugin that fails a run in which collected and reported tests differ.

It counts in the process that ends the run: the only one, or the controller of xdist. If several
tests have one node id, xdist runs one of them and calls the run good. The summary has the counts
of each file.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest

MAX_NAMED = 20
"""Node ids that are named for each kind of difference."""
CRASHED = "???"
"""Phase in which xdist reports the test that a lost worker was running."""


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # a worker of xdist has it; the controller counts
        config.pluginmanager.register(Completeness(config))


class Completeness:
    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._collected: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()
        self._crashed: set[str] = set()
        self._seconds: Counter[str] = Counter()
        self._stopped_early = False

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._collected = Counter(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Count what a worker collected.

        Each worker collects all tests, also one that replaces another.
        """
        self._collected |= Counter(ids)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[_file(report.nodeid)] += report.duration
        if report.when == "teardown":
            self._ended[report.nodeid] += 1
        elif report.when == CRASHED:
            self._crashed.add(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        interrupted = session.exitstatus == pytest.ExitCode.INTERRUPTED  # by Ctrl-C
        self._stopped_early = bool(interrupted or session.shouldfail or session.shouldstop)
        differences = [*self._shared_ids(), *self._unexpected()]
        if not (self._stopped_early or self._config.option.collectonly):
            differences += self._not_run()
        if not differences:
            return
        report = pytest.CollectReport(
            "collected and reported tests", "failed", longrepr="\n".join(differences), result=[]
        )
        self._config.hook.pytest_collectreport(report=report)
        if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self._config.option.collectonly or terminalreporter.verbosity < 0:
            return
        collected, reported = _by_file(self._collected), _by_file(self._reported())
        terminalreporter.section("tests of each file")
        for file in sorted(collected, key=lambda file: -self._seconds[file]):
            counts = f"{reported[file]:5} of {collected[file]:<5}"
            terminalreporter.write_line(f"{counts} {self._seconds[file]:7.1f} s  {file}")
        counts = f"{reported.total():5} of {collected.total():<5}"
        terminalreporter.write_line(f"{counts} {self._seconds.total():7.1f} s  in all")
        if self._stopped_early:
            missing = collected.total() - reported.total()
            terminalreporter.write_line(
                f"The run stopped early: {missing} of {collected.total()} tests did not run."
            )

    def _reported(self) -> Counter[str]:
        """Return the collected tests whose end or crash was reported."""
        return self._collected & (self._ended | Counter(self._crashed))

    def _shared_ids(self) -> Iterator[str]:
        shared = [node_id for node_id, number in self._collected.items() if number > 1]
        for node_id in shared[:MAX_NAMED]:
            number = self._collected[node_id]
            yield f"{number} tests have the node id {node_id}. Give each its own: xdist runs one."

    def _unexpected(self) -> Iterator[str]:
        yield from _named("was not collected, but ran", self._ended.keys() - self._collected.keys())
        repeated = {each for each, number in self._ended.items() if number > self._collected[each]}
        yield from _named("ran more often than it was collected", repeated & self._collected.keys())

    def _not_run(self) -> Iterator[str]:
        missing = self._collected.keys() - self._reported().keys()
        yield from _named("did not run", missing)


def _named(what: str, node_ids: Iterable[str]) -> Iterator[str]:
    ordered = sorted(node_ids)
    yield from (f"{what}: {node_id}" for node_id in ordered[:MAX_NAMED])
    if len(ordered) > MAX_NAMED:
        yield f"{what}: {len(ordered) - MAX_NAMED} more"


def _by_file(node_ids: Counter[str]) -> Counter[str]:
    files: Counter[str] = Counter()
    for node_id, number in node_ids.items():
        files[_file(node_id)] += number
    return files


def _file(node_id: str) -> str:
    return node_id.partition("::")[0]
