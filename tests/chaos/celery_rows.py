"""Rows about plain Celery under two of the faults, on the same server program in the same run."""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

from tests.chaos.journal import JOURNAL, Journal
from tests.chaos.plain_celery import VISIBILITY_SECONDS, app, sleep
from tests.chaos.row import Outcome, Run, row
from tests.chaos.server import ChaosServer
from tests.chaos.site import kill, pause
from tests.integration.processes import ServiceProcess
from tests.integration.waiting import wait_until

PATIENCE_SECONDS = 150


class PlainWorker(ServiceProcess):
    def __init__(self, log: Path, broker: str, journal: Path, concurrency: int) -> None:
        super().__init__("worker", log)
        self._arguments = [
            *(
                sys.executable,
                "-m",
                "celery",
                "--app",
                "tests.chaos.plain_celery",
                "worker",
                "--pool",
                "prefork",
            ),
            *(
                "--concurrency",
                str(concurrency),
                "--hostname",
                f"{log.stem}@%h",
                "--loglevel",
                "info",
            ),
        ]
        self._environment |= {JOURNAL: str(journal), "CHAOS_BROKER": broker}

    def lose(self) -> float:
        """Send SIGKILL to parent and children, as when their host is lost. Returns the moment."""
        processes = [*self.children(), self.process]
        for process in processes:
            os.kill(process.pid, signal.SIGKILL)
        moment = time.monotonic()
        self.process.wait()
        return moment


class PlainSite:
    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        self._directory = directory
        self._server = ChaosServer(directory / "redis")
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "PlainSite":
        self._server.start()
        self._stack.callback(self._server.kill)
        self.journal = self._stack.enter_context(Journal(self._directory / "journal"))
        app.conf.broker_url = self._server.url
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.__exit__(None, None, None)

    def with_worker(self, concurrency: int) -> PlainWorker:
        before = len(self.journal.lives)
        log = self._directory / f"worker{before}.log"
        worker = self._stack.enter_context(
            PlainWorker(log, self._server.url, self.journal.path, concurrency)
        )
        wait_until(lambda: len(self.journal.lives) >= before + concurrency, 30)
        return worker

    def submit(self, seconds: float) -> str:
        with app.connection_for_write(self._server.url) as connection:
            task_id: str = sleep.apply_async((seconds,), connection=connection).id
        return task_id

    def again_after(self, task_id: str, moment: float, outcome: Outcome, lost: list[str]) -> None:
        try:
            left = moment + PATIENCE_SECONDS - time.monotonic()
            again = self.journal.wait_start(task_id, nth=2, seconds=left)
        except AssertionError:
            lost.append(task_id)
        else:
            outcome.recoveries.append(again.started - moment)


@row("F-02c", "Celery: SIGKILL a child (acks_late, reject_on_worker_lost)")
def kill_a_child_of_celery(run: Run) -> Outcome:
    outcome = Outcome(repetitions=run.times(10), of_celery=True)
    lost: list[str] = []
    with PlainSite(run.directory / run.row) as site:
        site.with_worker(2)
        for number in range(outcome.repetitions):
            task_id = site.submit(0.4)
            execution = site.journal.wait_start(task_id)
            pause(0, 0.1)
            killed = kill(execution)
            site.again_after(task_id, killed, outcome, lost)
            run.say(f"{number + 1} killed")
    outcome.tasks = outcome.repetitions
    outcome.notes.append(f"lost {len(lost)} (not again within {PATIENCE_SECONDS} s)")
    return outcome


@row(
    "F-04c",
    f"Celery: lost host, another alive (acks_late; visibility_timeout {VISIBILITY_SECONDS} s, "
    "default 3600)",
    in_quick=False,
)
def lose_a_host_of_celery(run: Run) -> Outcome:
    outcome = Outcome(repetitions=4, tasks=4, of_celery=True)
    lost: list[str] = []
    with PlainSite(run.directory / run.row) as site:
        victim = site.with_worker(4)
        ids = [site.submit(5) for _ in range(4)]
        for task_id in ids:
            site.journal.wait_start(task_id)
        site.with_worker(4)
        killed = victim.lose()
        for task_id in ids:
            site.again_after(task_id, killed, outcome, lost)
            run.say(f"{len(outcome.recoveries)} again, {len(lost)} lost")
    outcome.notes.append(f"lost {len(lost)} (not again within {PATIENCE_SECONDS} s)")
    return outcome
