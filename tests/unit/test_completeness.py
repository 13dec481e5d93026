"""The guard of tests.completeness fails a run that did not report what it collected."""

from collections.abc import Callable

import pytest

pytest_plugins = ["pytester"]

Run = Callable[..., pytest.RunResult]
Arguments = tuple[str, ...]

ONE_ID = "def pytest_itemcollected(item): item._id = item.parent.id.child('test_same')"
THREE = "import pytest\n@pytest.mark.parametrize('number', range(3))\ndef test_number(number): pass"
XDIST = ("-n", "1", "--dist", "loadfile")


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run pytest inside of this one, with the guard and no plugin besides xdist."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def run(*arguments: str, conftest: str = "", **files: str) -> pytest.RunResult:
        pytester.makeconftest(f"pytest_plugins = ['tests.completeness']\n{conftest}")
        pytester.makepyfile(**files)
        command = ("-p", "xdist.plugin", *arguments)
        return pytester.runpytest_inprocess(*command, no_reraise_ctrlc=True)

    return run


@pytest.mark.parametrize("arguments", [(), XDIST], ids=["one process", "xdist"])
class TestEachRun:
    def test_a_run_that_reports_all_passes_and_counts_each_file(
        self, run: Run, arguments: Arguments
    ) -> None:
        skipped = (
            "import pytest\ndef test_a(): pytest.skip()\n@pytest.mark.xfail\ndef test_b(): assert 0"
        )
        result = run(*arguments, test_three=THREE, test_skipped=skipped)

        assert result.ret == 0
        result.stdout.fnmatch_lines_random(["*3 of 3 *test_three.py", "*2 of 2 *test_skipped.py"])
        result.assert_outcomes(passed=3, skipped=1, xfailed=1)

    def test_tests_that_share_a_node_id_fail_the_run(self, run: Run, arguments: Arguments) -> None:
        result = run(*arguments, conftest=ONE_ID, test_three=THREE)

        assert result.ret == 1
        result.stdout.fnmatch_lines(["*3 tests have the node id test_three.py::test_same*"])
        assert result.parseoutcomes()["errors"] == 1

    def test_deselected_tests_are_not_expected(self, run: Run, arguments: Arguments) -> None:
        result = run(*arguments, "-k", "1 or 2", test_three=THREE)

        assert result.ret == 0
        result.stdout.fnmatch_lines(["*2 of 2 *test_three.py"])

    def test_a_run_that_stops_at_the_first_failure_says_how_many_did_not_run(
        self, run: Run, arguments: Arguments
    ) -> None:
        result = run(*arguments, "-x", test_three=THREE.replace("pass", "assert number"))

        assert result.ret in (1, 2)
        result.stdout.fnmatch_lines(["*The run stopped early: * of 3 tests did not run.*"])
        assert "errors" not in result.parseoutcomes()


def test_ctrl_c_is_no_difference(run: Run) -> None:
    interrupting = "def test_a(): raise KeyboardInterrupt\ndef test_b(): pass"
    result = run(test_interrupting=interrupting)

    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["The run stopped early: * of 2 tests did not run."])
    assert "errors" not in result.parseoutcomes()


def test_an_exit_in_a_test_is_no_success(run: Run) -> None:
    leaving = "import pytest\ndef test_a(): pass\ndef test_b(): pytest.exit('bye', returncode=0)"
    result = run(test_leaving=leaving)

    assert result.ret == 1
    result.stdout.fnmatch_lines(["*did not run: test_leaving.py::test_b*"])


def test_a_plugin_that_drops_a_test_fails_the_run(run: Run) -> None:
    dropping = """
def pytest_runtest_protocol(item):
    return True if item.name == "test_number[1]" else None
"""
    result = run(conftest=dropping, test_three=THREE)

    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["*did not run: test_three.py::test_number?1?*", "*2 of 3 *test_three.py"]
    )


def test_a_lost_worker_fails_the_run_with_the_tests_that_it_took_along(run: Run) -> None:
    killing = "import os, signal\ndef test_a(): os.kill(os.getpid(), signal.SIGKILL)"
    killing += "\ndef test_b(): pass\ndef test_c(): pass"
    arguments = ("-n", "2", "--dist", "loadfile", "--max-worker-restart", "0")
    result = run(*arguments, test_killing=killing, test_three=THREE)

    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "*did not run: test_killing.py::test_b*",
            "*did not run: test_killing.py::test_c*",
            "*1 of 3 *test_killing.py",
        ]
    )


def test_the_closing_line_comes_last(run: Run) -> None:
    result = run(test_three=THREE)

    assert "3 passed" in result.outlines[-1]
