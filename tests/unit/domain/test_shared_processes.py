"""Runs of a process that runs many tasks: which ends count, and where the task runs next."""

import pytest

from domain.status import Status
from domain.task import MAX_SHARED_CRASHES, POSTPONEMENT
from domain.task_spec import IO, PROCESS
from tests.building import LATER, NOON, a_task


@pytest.fixture
def run():
    return a_task(Status.PROCESSING, pool=IO)


def test_a_run_that_is_moved_starts_again_in_a_process_uncounted(run) -> None:
    moved = run.move_to_process(LATER)

    assert (moved.status, moved.attempt, moved.spec.pool) == (Status.QUEUED, 0, PROCESS)


def test_a_crash_moves_the_task_to_a_process(run) -> None:
    assert run.lose(LATER).spec.pool == PROCESS


def test_a_run_that_was_lost_beside_others_counts_as_nothing_three_times(run) -> None:
    task, pools = run, []
    for _ in range(MAX_SHARED_CRASHES):
        task = task.lose_beside_others(LATER)
        pools.append(task.spec.pool)
        assert (task.attempt, task.crashes) == (0, 0)
        task = task.start(owner="a:1.0", fencing_token=2, now=NOON)

    assert pools == [IO, IO, PROCESS]


@pytest.mark.parametrize("end", ["move_to_process", "lose_beside_others"])
def test_a_cancelled_run_is_cancelled_however_it_ends(run, end: str) -> None:
    assert getattr(run.cancel(LATER), end)(LATER).status is Status.CANCELLED


def test_a_run_that_is_put_off_waits_as_long_as_it_is_told(run) -> None:
    assert run.postpone(LATER).due_at == LATER + POSTPONEMENT
    put_off = run.postpone(LATER, POSTPONEMENT / 2)
    assert (put_off.due_at, put_off.attempt) == (LATER + POSTPONEMENT / 2, 0)


def test_a_retry_by_a_caller_forgets_the_shared_crashes(run) -> None:
    failed = a_task(Status.FAILED, pool=IO)

    assert failed.retry(LATER).shared_crashes == 0
