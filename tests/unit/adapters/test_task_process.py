"""Copies of a process that runs tasks, made by os.fork(): they find out that they are copies,
and have no lock."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.handlers.run_context import BufferedRunContextFactory
from adapters.supervision.lease_timer import LeaseTimer
from adapters.supervision.task_process import TaskProcess
from tests.building import a_task
from tests.fakes.clock import FakeClock
from tests.fakes.run_interrupt import FakeRunInterrupt
from tests.fakes.task_store import FakeTaskStore

STILL_THERE = 99

LOCKING = """
import fcntl, os, sys
from adapters.supervision.task_process import TaskProcess, open_files
log = open(sys.argv[1], "w")
not_ours = open_files()
lock = os.open(sys.argv[2], os.O_RDWR)
fcntl.flock(lock, fcntl.LOCK_EX)
TaskProcess().guard_forks(not_ours=not_ours)
copy = os.fork()
if copy == 0:
    copy_of_copy = os.fork()
    if copy_of_copy == 0:
        log.write("line")
        log.flush()
        try:
            os.fstat(lock)
        except OSError:
            os._exit(0)
        os._exit(1)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(copy_of_copy, 0)[1]))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1]))
"""


def status_of_copy(work: object) -> int:
    """The exit status of a copy of this process that does the work."""
    copy = os.fork()
    if copy == 0:
        try:
            work()  # type: ignore[operator]
        finally:
            os._exit(STILL_THERE)
    return os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1])


def test_only_a_copy_is_ended() -> None:
    process = TaskProcess()

    process.end_copy(3)

    assert status_of_copy(lambda: process.end_copy(3)) == 3


@pytest.mark.parametrize("step", ["arm", "start renewing", "end of a run"])
def test_a_copy_ends_before_it_acts_for_the_run(step: str) -> None:
    process, store, task = TaskProcess(), FakeTaskStore(FakeClock()), a_task()
    keeper = LeaseTimer(store, timedelta(seconds=15), process)
    contexts = BufferedRunContextFactory(store, FakeRunInterrupt(), process)
    steps = {
        "arm": keeper.arm,
        "start renewing": lambda: keeper.start_renewing(task),
        "end of a run": lambda: contexts.open(task).__exit__(None, None, None),
    }

    assert status_of_copy(steps[step]) == 0


def test_copies_lose_the_lock_of_the_worker_and_keep_files_of_handlers(tmp_path: Path) -> None:
    log, lock = tmp_path / "log", tmp_path / "lock"
    lock.touch()

    process = subprocess.run([sys.executable, "-c", LOCKING, log, lock], check=False, timeout=30)

    assert (process.returncode, log.read_text()) == (0, "line")
