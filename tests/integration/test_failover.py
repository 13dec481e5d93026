"""A master is killed under load, and sentinels make its replica the new one."""

from pathlib import Path

import pytest

from tests.chaos.failover_rows import failover
from tests.chaos.row import Run

pytestmark = pytest.mark.slow


def test_a_failover_loses_no_accepted_task_and_no_task_runs_twice_at_once(tmp_path: Path) -> None:
    outcome = failover(Run(row="F-50", directory=tmp_path, quick=True))

    assert outcome.counts.clean, outcome.counts
    assert outcome.faults == []
