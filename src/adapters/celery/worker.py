"""The worker: a Celery parent that receives wake-ups, and children that run tasks."""

import logging
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from celery import Celery, signals
from celery.apps import worker as apps_worker
from celery.exceptions import SecurityWarning
from kombu.transport.redis import Channel

from adapters.celery.any_wake_up import read_any_wake_up
from adapters.celery.app import WORK_TASK
from adapters.celery.child_watch import child_watch
from adapters.celery.loop_pulse import LoopPulse, pulse_of_loop
from adapters.celery.retiring_pool import retiring_pool
from adapters.celery.wake_ups import WakeUpFactory
from adapters.supervision.children import Children
from adapters.supervision.descendants import Descendants, kill_with_group
from adapters.supervision.descriptors import OF_A_CHILD, OF_A_WORKER, allow_descriptors
from adapters.supervision.linux import adopt_orphans
from adapters.supervision.node_lock import NodeLock
from adapters.supervision.retirement import Retirement
from adapters.supervision.run_guard import RunGuard
from adapters.supervision.stop_flag import StopFlag
from adapters.supervision.task_process import TaskProcess
from adapters.supervision.worker_child import WorkerChild
from application.errors import StoreUnavailable
from application.ports.heartbeats import ServiceProcess
from application.use_cases.operations.send_heartbeat import SendHeartbeat
from application.use_cases.worker.release_runs import ReleaseRuns
from application.use_cases.worker.run_tasks import RunTasks
from application.use_cases.worker.watch_runs import WatchRuns

BEAT_SECONDS = 3.0
BEAT_RETRY_SECONDS = 1.0

logger = logging.getLogger(__name__)


class CeleryWorker:
    """Runs until SIGTERM, SIGINT or SIGHUP.

    Lets running tasks finish within the grace, then hands back the rest.
    """

    def __init__(
        self,
        app: Celery,
        *,
        build_run_tasks: Callable[[str, TaskProcess], RunTasks],
        at_process_end: Callable[[], None],
        release: ReleaseRuns,
        watch: WatchRuns,
        heartbeat: SendHeartbeat,
        require_store: Callable[[], None],
        node: NodeLock,
        process: ServiceProcess,
        lease: timedelta,
        grace: timedelta,
        retirement: Retirement,
    ) -> None:
        """`build_run_tasks` takes the owner name and process of a child, and is called after its
        fork, so that the child shares nothing with the parent. `at_process_end` is called at the
        orderly end of each child, and of this process. `retirement` decides when a child is
        replaced; each child counts in its own copy. `require_store`: see RunGuard. `process`
        describes this worker; the owner names of its children start with its name."""
        self._app = app
        self._build_run_tasks = build_run_tasks
        self._at_process_end = at_process_end
        self._release = release
        self._heartbeat = heartbeat
        self._node = node
        self._process = process
        self._grace = grace
        self._retirement = retirement
        self._stop = StopFlag()
        self._stopped = threading.Event()
        self._beating = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._pulse = LoopPulse()
        self._children = Children()
        self._guard = RunGuard(
            children=self._children,
            watch=watch,
            release=release,
            require_store=require_store,
            node=node,
            owner_of=self._owner_of,
            lease=lease,
        )

    def run(self) -> int:
        """Run the worker. Returns its exit code."""
        warnings.filterwarnings(
            "ignore", category=SecurityWarning
        )  # about pickle as root; only JSON is accepted
        # Wake-ups are disposable. While Redis is away, kombu would write each to a file in /tmp.
        Channel.do_restore = False
        read_any_wake_up(WakeUpFactory(self._app).wake_up_of)
        child = WorkerChild(
            self._build_run_tasks,
            owner_of=self._owner_of,
            stop=self._stop,
            retirement=self._retirement,
        )
        adopt_orphans()
        allow_descriptors(OF_A_WORKER + OF_A_CHILD * self._process.concurrency)
        self._node.take()
        self._connect(child)
        self._worker = self._create_worker()
        self._worker.start()
        self._stopped.set()
        self._hand_back()
        Descendants().end()
        self._at_process_end()
        if self._beating.is_alive():
            self._beating.join()
        return int(self._worker.exitcode or 0)

    def _connect(self, child: WorkerChild) -> None:
        """Have Celery call this worker and its children."""

        def start_child(**_: Any) -> None:
            child.start()

        def end_child(**_: Any) -> None:
            self._at_process_end()

        self._app.task(name=WORK_TASK)(child.work)
        self._app.steps["worker"].update([child_watch(self._children), pulse_of_loop(self._pulse)])
        signals.setup_logging.connect(_keep_logging, weak=False)
        signals.worker_process_init.connect(start_child, weak=False)
        signals.worker_process_shutdown.connect(end_child, weak=False)
        signals.worker_shutting_down.connect(self._begin_shutdown, weak=False)
        signals.worker_ready.connect(self._start_threads, weak=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))  # until Celery sets its own handlers

    def _create_worker(self) -> Any:
        return _graceful(self._app)(
            hostname=f"worker@{self._process.name}",
            concurrency=self._process.concurrency,
            pool=retiring_pool(self._retirement),
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            optimization="fair",
            quiet=True,
        )

    def _owner_of(self, pid: int) -> str:
        return f"{self._process.name}:{pid}"

    def _start_threads(self, **_: Any) -> None:
        logger.info(
            "The worker is ready: %d processes for the queues %s",
            self._process.concurrency,
            ", ".join(self._process.queues),
            extra={"action": "worker_ready"},
        )
        try:
            self._guard.start()
            self._beating.start()
        except RuntimeError as error:  # Celery would log it and go on
            logger.critical("The worker ends: %s", error, extra={"action": "worker_unguarded"})
            sys.exit(1)

    def _begin_shutdown(self, **_: Any) -> None:
        """Start the grace. Celery calls this in the parent's signal handler."""
        if not self._stop.is_set:
            self._stop.set()
            threading.Thread(target=self._end_children, name="grace", daemon=True).start()

    def _end_children(self) -> None:
        """Kill the children that still run when the grace is over."""
        seconds = self._grace.total_seconds()
        logger.info(
            "Stopping; running tasks have %g seconds to finish",
            seconds,
            extra={"action": "stopping"},
        )
        if self._stopped.wait(seconds):
            return
        self._guard.stop()  # it would count the children that are killed now as crashed
        for pid in self._living_children():
            logger.warning(
                "Killing a run that did not finish within the grace period",
                extra={"action": "run_ended", "pid": pid},
            )
            kill_with_group(pid)

    def _living_children(self) -> list[int]:
        pool = self._worker.pool._pool
        return [process.pid for process in pool._pool if process.is_alive()] if pool else []

    def _hand_back(self) -> None:
        """Hand back the runs of this worker. Call when all children are dead.

        If Redis is away, the next worker of this host does it, or else the leases run out.
        """
        self._guard.stop()
        try:
            for task in self._release.stopped_under(f"{self._process.name}:"):
                logger.info(
                    "Task handed back",
                    extra={"action": "task_handed_back", "task_id": task.task_id},
                )
        except StoreUnavailable as error:
            logger.warning(
                "Cannot hand back: %s", error.reason, extra={"action": "hand_back_failed"}
            )
        else:
            self._node.discard()

    def _serves(self) -> bool:
        """Return whether this worker takes tasks, or finishes its last ones during a shutdown."""
        if self._stop.is_set:
            return True
        if not self._guard.is_alive:
            reason = "nothing stops or ends its runs"
        elif not self._pulse.is_recent:
            reason = "Celery's event loop is blocked"
        elif not self._guard.has_working_child:
            reason = "all children are stopped or dead"
        else:
            return True
        logger.warning("Sending no heartbeat: %s", reason, extra={"action": "heartbeat_withheld"})
        return False

    def _beat(self) -> None:
        """Send a heartbeat every 3 seconds while the worker serves, and a last one at its end."""
        pause = 0.0
        while not self._stopped.wait(pause):
            was_sent = self._serves() and self._heartbeat.execute(self._process)
            pause = BEAT_SECONDS if was_sent else BEAT_RETRY_SECONDS
        self._heartbeat.execute(self._process, last=True)


def _graceful(app: Celery) -> type[Any]:
    """Return Celery's worker, changed so that Ctrl-C and a closed terminal act like SIGTERM."""
    install_term_handler: Any = getattr(apps_worker, "install_worker_term_handler")  # noqa: B009 - not in the stubs

    class GracefulWorker(app.Worker):  # type: ignore[name-defined,misc]  # made by Celery at run time
        def install_platform_tweaks(self, worker: Any) -> None:
            super().install_platform_tweaks(worker)
            for name in ("SIGTERM", "SIGINT", "SIGHUP"):
                install_term_handler(worker, sig=name, verbose=False)

    return GracefulWorker


def _keep_logging(**_: Any) -> None:
    """Do nothing. Any receiver of setup_logging keeps Celery from replacing our logging."""
