"""The worker: a Celery parent that receives wake-ups, and children that turn each into a second of work."""

import logging
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from celery import Celery, signals
from celery.apps import worker as apps_worker
from celery.exceptions import SecurityWarning
from kombu.transport.redis import Channel

from adapters.celery.app import WORK_TASK
from adapters.celery.child_watch import child_watch
from adapters.celery.loop_pulse import LoopPulse, pulse_of_loop
from adapters.celery.retiring_pool import retiring_pool
from adapters.supervision.children import Children
from adapters.supervision.descendants import Descendants, kill_with_group
from adapters.supervision.linux import adopt_orphans
from adapters.supervision.node_lock import NodeLock
from adapters.supervision.retirement import Retirement
from adapters.supervision.run_guard import RunGuard
from adapters.supervision.stop_flag import StopFlag
from adapters.supervision.task_process import TaskProcess, open_files
from application.errors import StoreUnavailable
from application.ports.heartbeats import ServiceProcess
from application.use_cases.operations.send_heartbeat import SendHeartbeat
from application.use_cases.worker.release_runs import ReleaseRuns
from application.use_cases.worker.run_tasks import RunTasks
from application.use_cases.worker.watch_runs import WatchRuns

WAKE_UP_SECONDS = 1.0
"""How long one wake-up keeps a child at work, so that the parent hears from it in between."""
BEAT_SECONDS = 3.0

logger = logging.getLogger(__name__)


class CeleryWorker:
    """Runs until SIGTERM or SIGINT, then lets running tasks finish within the grace and hands back the rest."""

    def __init__(
        self,
        app: Celery,
        *,
        run_task_in_child: Callable[[str, TaskProcess], RunTasks],
        settle: ReleaseRuns,
        watch: WatchRuns,
        heartbeat: SendHeartbeat,
        node: NodeLock,
        process: ServiceProcess,
        lease: timedelta,
        grace: timedelta,
        retirement: Retirement,
    ) -> None:
        """`run_task_in_child` builds the use case for an owner and its process, after the fork: nothing is shared with
        the parent.
        `retirement` says when a child is to be replaced; each child counts in its own copy.
        `process` describes this worker; its name starts the owner names of all its children."""
        self._app = app
        self._run_task_in_child = run_task_in_child
        self._settle = settle
        self._heartbeat = heartbeat
        self._node = node
        self._process = process
        self._incarnation = process.name
        self._grace = grace
        self._retirement = retirement
        self._stop = StopFlag()
        self._stopped = threading.Event()
        self._beating = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._pulse = LoopPulse()
        self._children = Children()
        self._guard = RunGuard(
            children=self._children, watch=watch, settle=settle, node=node, owner_of=self._owner_of, lease=lease
        )
        self._run_task: RunTasks
        self._task_process: TaskProcess

    def run(self) -> int:
        """Answers the exit code."""
        warnings.filterwarnings("ignore", category=SecurityWarning)  # about pickle as root; only JSON is accepted
        Channel.do_restore = False  # wake-ups are disposable; with Redis away kombu would write each to a file in /tmp
        self._files_of_handlers = open_files()  # modules may have opened them when they were imported
        adopt_orphans()
        self._node.take()
        self._app.task(name=WORK_TASK)(self._work)
        self._app.steps["worker"].update([child_watch(self._children), pulse_of_loop(self._pulse)])
        signals.setup_logging.connect(_keep_logging, weak=False)
        signals.worker_process_init.connect(self._start_child, weak=False)
        signals.worker_shutting_down.connect(self._begin_shutdown, weak=False)
        signals.worker_ready.connect(self._start_threads, weak=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))  # until Celery has its own handlers
        self._worker = _graceful(self._app)(
            hostname=f"worker@{self._incarnation}",
            concurrency=self._process.concurrency,
            pool=retiring_pool(self._retirement),
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            optimization="fair",
            quiet=True,
        )
        self._worker.start()
        self._stopped.set()
        self._give_back()
        Descendants().end()
        if self._beating.is_alive():
            self._beating.join()
        return int(self._worker.exitcode or 0)

    def _work(self, queue: str) -> None:
        """In a child: run tasks of the queue until none waits, the second is over, or the worker shuts down."""
        until = time.monotonic() + WAKE_UP_SECONDS
        if self._stop.is_set:
            return
        self._task_process.outlive_sigterm()  # here, since billiard sets its own handler after `_start_child`
        try:
            self._run_task.execute(queue, lambda: self._goes_on(until))
        except BaseException:
            self._retirement.require("it cannot serve a wake-up")  # the next one would fail, too
            raise
        if not self._task_process.has_files_of_worker:
            self._retirement.require("a run closed or replaced descriptors of the worker")

    def _goes_on(self, until: float) -> bool:
        """Call after each run in a child: returns whether it claims another task under this wake-up."""
        self._retirement.count_run()
        if self._task_process.is_retired:
            self._retirement.require("a run left it unusable")
        return not self._stop.is_set and not self._retirement.is_due and time.monotonic() < until

    def _start_child(self, **_: Any) -> None:
        """In a session of its own: it can be killed together with what its runs started, and has no terminal."""
        os.setsid()
        adopt_orphans()
        self._task_process = TaskProcess()
        self._run_task = self._run_task_in_child(self._owner_of(os.getpid()), self._task_process)
        self._task_process.guard_forks(not_ours=self._files_of_handlers)

    def _owner_of(self, pid: int) -> str:
        return f"{self._incarnation}:{pid}"

    def _start_threads(self, **_: Any) -> None:
        logger.info(
            "The worker is ready: %d processes for the queues %s",
            self._process.concurrency,
            ", ".join(self._process.queues),
            extra={"action": "worker_ready"},
        )
        self._guard.start()
        self._beating.start()

    def _begin_shutdown(self, **_: Any) -> None:
        """In the parent's signal handler."""
        if not self._stop.is_set:
            self._stop.set()
            threading.Thread(target=self._end_children, name="grace", daemon=True).start()

    def _end_children(self) -> None:
        seconds = self._grace.total_seconds()
        logger.info("Stopping; running tasks have %g seconds to finish", seconds, extra={"action": "stopping"})
        if not self._stopped.wait(self._grace.total_seconds()):
            self._guard.stop()  # what is killed now did not crash
            for child in self._living_children():
                logger.warning("Ending a run that outlasts the grace", extra={"action": "run_ended", "pid": child})
                kill_with_group(child)

    def _living_children(self) -> list[int]:
        pool = self._worker.pool._pool
        return [process.pid for process in pool._pool if process.is_alive()] if pool else []

    def _give_back(self) -> None:
        """All children are dead by now. Where Redis is away, too, the next worker of this host or the leases do it."""
        self._guard.stop()
        try:
            for task in self._settle.stopped_under(f"{self._incarnation}:"):
                logger.info("Task handed back", extra={"action": "task_handed_back", "task_id": task.task_id})
        except StoreUnavailable as error:
            logger.warning("Cannot hand back: %s", error.reason, extra={"action": "hand_back_failed"})
        else:
            self._node.discard()

    def _serves(self) -> bool:
        """Return whether this worker takes tasks, or finishes its last ones during a shutdown."""
        if self._stop.is_set or (self._pulse.is_recent and self._guard.has_working_child):
            return True
        reason = "all children are stopped or dead" if self._pulse.is_recent else "the consumer does not turn"
        logger.warning("Sending no heartbeat: %s", reason, extra={"action": "heartbeat_withheld"})
        return False

    def _beat(self) -> None:
        pause = 0.0
        while not self._stopped.wait(pause):
            beaten = self._serves() and self._heartbeat.execute(self._process)
            pause = BEAT_SECONDS if beaten else 1.0
        self._heartbeat.execute(self._process, last=True)


def _graceful(app: Celery) -> type[Any]:
    """Celery's worker, for which Ctrl-C and a closed terminal are the same request to stop as SIGTERM."""
    install_term_handler: Any = getattr(apps_worker, "install_worker_term_handler")  # noqa: B009 - not in the stubs

    class GracefulWorker(app.Worker):  # type: ignore[name-defined,misc]  # made by Celery at run time
        def install_platform_tweaks(self, worker: Any) -> None:
            super().install_platform_tweaks(worker)
            for name in ("SIGTERM", "SIGINT", "SIGHUP"):
                install_term_handler(worker, sig=name, verbose=False)

    return GracefulWorker


def _keep_logging(**_: Any) -> None:
    """A receiver of setup_logging keeps Celery from replacing our logging."""
