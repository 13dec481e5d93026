"""Rows about handlers that fork in every way."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator

import psutil

from tests.chaos.faults import hostile_handlers, killed
from tests.chaos.journal import Execution
from tests.chaos.row import Outcome, Run, row
from tests.chaos.site import ChaosWorker, Site, kill
from tests.chaos.worker import FORKS, LEFT
from tests.integration.waiting import wait_until

TASKS = 24
RUN_MS = 600
MISUSES = ("sleep", "pipes", "sleep", "unlock")


@row("F-39", "24 tasks that fork in every way, children killed in between")
def fork_in_every_way(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(10))
    with run.site() as site:
        site.with_service(4)
        for number in range(outcome.repetitions):
            ids = [site.submit(do=FORKS[each % len(FORKS)], ms=RUN_MS) for each in range(TASKS)]
            killed = [wait_until(lambda: _kill_any(site), 20) for _ in range(3)]
            outcome.expect(site.settle(60, ids), f"round {number + 1}: not all tasks are final")
            run.say(f"{number + 1}: {TASKS} forked, {len(killed)} children killed")
        outcome.settle(site, 60)
        _expect_all_completed(site, outcome)
        _expect_nothing_left(site, outcome)
    return outcome


@row("F-39a", "SIGKILL the worker parent while its task has a daemon, restarted; lease 600 s")
def daemon_of_a_killed_worker(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(10), limit=8.0)
    with run.site(lease=600) as site:
        site.with_api()
        worker = site.with_worker(1)
        for _ in range(outcome.repetitions):
            with hostile_handlers(site, "daemon", 1, ms=1_000) as runs:
                wait_until(lambda runs=runs: _left_by(site, runs[0]), 10)
                with killed(worker) as kill:
                    run.say("the worker of a daemon is killed")
                [again] = site.again(runs)
            outcome.recoveries.append(again.started - kill.ended)
            for daemon in _left_by(site, runs[0]):
                os.kill(daemon, signal.SIGKILL)
        outcome.settle(site, 30)
    return outcome


@row(
    "F-44",
    "children replaced after each run, killed, without pipes; worker killed or its whole unit told "
    "to stop",
)
def replace_children_under_kills(run: Run) -> Outcome:
    """A second worker of the host is always there."""
    outcome = Outcome(repetitions=run.times(10))
    with run.site(lease=3) as site:
        site.with_api()
        site.with_maintenance()
        site.with_worker(1, child_max_runs=2)
        worker = site.with_worker(2, child_max_runs=1)
        for number in range(outcome.repetitions):
            ids = [site.submit(do=MISUSES[each % len(MISUSES)], ms=RUN_MS) for each in range(TASKS)]
            for _ in range(3):
                wait_until(lambda: _kill_any(site), 20)
            with killed(worker) if number % 2 else _unit_told_to_stop(worker):
                run.say(f"{number + 1}: the worker has ended")
            outcome.expect(site.settle(90, ids), f"round {number + 1}: not all tasks are final")
            run.say(f"{number + 1}: {len(ids)} tasks ended")
        outcome.settle(site, 60)
        _expect_all_completed(site, outcome)
    return outcome


@row("F-45", "garbage in the pipes of each child of a worker; until the next start")
def garble_all_pipes(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(5), limit=30.0)
    with run.site() as site:
        site.with_service()
        for number in range(outcome.repetitions):
            with hostile_handlers(site, "garbage", 2, seconds=60):
                run.say(f"{number + 1}: both children garble their pipes")
            garbled = time.monotonic()
            waiting = [site.submit(ms=10) for _ in range(4)]
            outcome.recoveries.append(
                site.journal.wait_start(waiting[-1], seconds=90).started - garbled
            )
            run.say(f"{number + 1}: the queue goes on after {outcome.recoveries[-1]:.2f} s")
        outcome.settle(site, 60)
        _expect_all_completed(site, outcome)
    outcome.notes.append("(from the end of both to the start of the last of four more)")
    return outcome


@contextlib.contextmanager
def _unit_told_to_stop(worker: ChaosWorker) -> Iterator[None]:
    """SIGTERM for all processes, as systemd sends it. The worker is started again on exit."""
    for process in [*worker.children(), psutil.Process(worker.pid)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    worker.exit_code()
    yield
    worker.start()


def _kill_any(site: Site) -> float | None:
    """Kill the process of an execution. Returns None when it died before the journal saw it."""
    with contextlib.suppress(ProcessLookupError):
        return kill(site.running(1)[0])
    return None


def _expect_all_completed(site: Site, outcome: Outcome) -> None:
    others = [task for task in site.tasks().values() if task.status != "COMPLETED"]
    outcome.expect(not others, f"{len(others)} tasks are not COMPLETED")


def _expect_nothing_left(site: Site, outcome: Outcome) -> None:
    """Expect that the processes that runs left behind are gone within seconds."""
    try:
        wait_until(lambda: not _left(site), 10)
    except AssertionError:
        outcome.faults.append(f"{len(_left(site))} processes outlived their runs")


def _left(site: Site) -> list[int]:
    return [
        pid for file in site.crash_points.glob(f"{LEFT}*") for pid in _living(int(file.read_text()))
    ]


def _left_by(site: Site, execution: Execution) -> list[int]:
    files = site.crash_points.glob(f"{LEFT}{execution.task_id}-{execution.fencing_token}-*")
    return [pid for file in files for pid in _living(int(file.read_text()))]


def _living(pid: int) -> list[int]:
    return (
        [pid]
        if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        else []
    )
