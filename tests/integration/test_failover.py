"""A master is killed or frozen under load, and sentinels make its replica the new one."""

from pathlib import Path

import pytest

from tests.chaos.failover_rows import failover, frozen_master
from tests.chaos.row import Measure, Run

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("measure", [failover, frozen_master])
def test_a_failover_loses_no_accepted_task_and_no_task_runs_twice_at_once(
    tmp_path: Path, measure: Measure
) -> None:
    outcome = measure(Run(row=measure.__name__, directory=tmp_path, quick=True))

    assert outcome.counts.clean, outcome.counts
    assert outcome.faults == []
