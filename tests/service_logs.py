"""A pytest plugin that shows the logs of the service's processes beside a test that failed."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.integration.processes import ServiceProcess

MAX_LINES = 60
"""Lines of each log that are shown: its last ones, without those of requests."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        report.sections += [(f"log: {log.name}", _end_of(log)) for log in _logs_of(item)]
    return report


def _logs_of(item: pytest.Item) -> list[Path]:
    """Return the logs in the folder of the test, and those of processes that its fixtures run."""
    fixtures = getattr(item, "funcargs", {})
    folder = fixtures.get("tmp_path")
    own = folder.glob("**/*.log") if folder else ()
    of_fixtures = (each.log for each in fixtures.values() if isinstance(each, ServiceProcess))
    return sorted({*own, *of_fixtures})


def _end_of(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.is_file() else ["(no log)"]
    return "\n".join([line for line in lines if '"action": "request"' not in line][-MAX_LINES:])
