"""The checker must be able to fail: each of its four counts is made to rise here."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from domain.status import Status
from domain.task import Task
from tests.building import NOON, a_task
from tests.chaos.checker import Counts, count, overlaps
from tests.chaos.journal import JOURNAL, Execution, Journal, Life
from tests.integration.waiting import wait_until


def an_execution(
    started: float, ended: float | None, *, fencing_token: int = 1, life: Life | None = None
) -> Execution:
    how = "returned" if ended else ""
    life = life or Life(pid=int(started * 10))
    return Execution(
        task_id="t",
        fencing_token=fencing_token,
        attempt=1,
        started=started,
        ended=ended,
        how=how,
        life=life,
    )


def done(fencing_token: int = 1, result_of: int = 1) -> Task:
    running = replace(a_task(Status.PROCESSING), fencing_token=fencing_token)
    return running.complete({"claim": result_of}, NOON)


def test_work_that_was_done_once_is_clean() -> None:
    task = done()

    counts = count([task.task_id], {task.task_id: task}, {task.task_id: [an_execution(1, 2)]})

    assert counts == Counts()
    assert counts.clean


def test_a_record_that_is_gone_and_a_result_without_work_are_lost() -> None:
    task = done()

    assert count(["gone", task.task_id], {task.task_id: task}, {}).lost == 2


def test_a_task_that_still_waits_is_stuck() -> None:
    task = a_task()

    assert count([task.task_id], {task.task_id: task}, {}).stuck == 1


def test_a_result_of_an_earlier_claim_is_stale() -> None:
    task = done(fencing_token=2, result_of=1)

    assert (
        count([task.task_id], {task.task_id: task}, {task.task_id: [an_execution(1, 2)]}).stale == 1
    )


def test_a_claim_that_began_after_the_one_whose_result_was_kept_makes_it_stale() -> None:
    task = done()
    runs = [an_execution(1, 2), an_execution(3, 4, fencing_token=2)]

    assert count([task.task_id], {task.task_id: task}, {task.task_id: runs}).stale == 1


def test_two_runs_at_once_overlap() -> None:
    assert overlaps([an_execution(1, 3), an_execution(2, 4)]) == 1
    assert overlaps([an_execution(1, 9), an_execution(2, 3), an_execution(4, 5)]) == 2
    assert overlaps([an_execution(1, 2), an_execution(3, 4)]) == 0


def test_a_run_without_an_end_goes_on_until_its_process_is_dead() -> None:
    second = an_execution(3, 4)

    assert overlaps([an_execution(1, None), second]) == 1
    assert overlaps([an_execution(1, None, life=Life(pid=1, died=3.5)), second]) == 1
    assert overlaps([an_execution(1, None, life=Life(pid=1, died=2.5)), second]) == 0


def test_a_stopped_run_overlaps_only_when_it_does_something_afterwards() -> None:
    def stopped(last_line: float) -> Execution:
        return an_execution(
            1, None, life=Life(pid=1, stopped=[(2, 5)], died=6, last_line=last_line)
        )

    assert overlaps([stopped(last_line=1.9), an_execution(3, 5.5)]) == 0
    assert overlaps([stopped(last_line=5.1), an_execution(3, 5.5)]) == 1


def test_the_journal_sees_starts_ends_and_deaths(tmp_path: Path) -> None:
    program = (
        "import os, sys, time\n"
        "from tests.chaos.journal import write_line\n"
        f"journal = os.open(os.environ[{JOURNAL!r}], os.O_WRONLY | os.O_APPEND)\n"
        "write_line(journal, 'child')\n"
        "write_line(journal, 'start', task_id='a', claim=1, attempt=1)\n"
        "write_line(journal, 'end', how='returned', task_id='a', claim=1, attempt=1)\n"
        "write_line(journal, 'start', task_id='b', claim=2, attempt=1)\n"
        "time.sleep(60)\n"
    )
    with Journal(tmp_path / "journal") as journal:
        process = subprocess.Popen(
            [sys.executable, "-c", program], env={**os.environ, JOURNAL: str(journal.path)}
        )
        running = journal.wait_start("b")
        assert running.over == float("inf")
        process.kill()
        process.wait()
        wait_until(lambda: running.life.died)

    assert journal.of("a")[0].how == "returned"
    assert running.started < running.over
    assert json.loads(journal.path.read_text().splitlines()[0])["event"] == "child"
