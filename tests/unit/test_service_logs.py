"""A test that failed shows what the service's processes logged."""

import pytest

pytest_plugins = ["pytester"]

REQUEST = '{"event": "GET /tasks", "action": "request"}'
FAILING = f"""
def test_that_fails(tmp_path):
    request = {REQUEST!r}
    lines = ["too old", *["line"] * 59, request, "The worker is ready"]
    (tmp_path / "worker.log").write_text("\\n".join(lines))
    assert False
"""


def test_a_failed_test_shows_the_last_lines_of_each_log_of_its_folder(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeconftest("pytest_plugins = ['tests.service_logs']")
    pytester.makepyfile(FAILING, test_good="def test_good(tmp_path): (tmp_path / 'a.log').touch()")

    result = pytester.runpytest_inprocess("-p", "no:xdist", "-rN")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*log: worker.log*", "line", "The worker is ready"])
    result.stdout.no_fnmatch_line("*log: a.log*")
    assert not {"too old", REQUEST} & set(result.outlines)
