"""Renews the lease of the run in this process, and has the kernel end the process when it cannot."""

import logging
import os
import signal
import threading
import time
from datetime import timedelta

from adapters.supervision.task_process import TaskProcess
from application.errors import StoreUnavailable
from application.ports.run import LeaseKeeper
from application.ports.task_leases import TaskLeases
from domain.task import Task

RENEWALS_PER_LEASE = 5
SELF_KILL_SHARE = 0.8
"""The process is dead this share of a lease after the last good renewal was sent: before anybody else may start
the task. The kernel does it (setitimer(2), SIGALRM at its default action), so it holds with the GIL taken, with
exceptions swallowed, and for a stopped process as soon as it continues."""
RETRY_SECONDS = 0.5

logger = logging.getLogger(__name__)


class LeaseTimer(LeaseKeeper):
    """One per process; `arm` and `release` belong to the main thread."""

    def __init__(self, leases: TaskLeases, lease: timedelta, process: TaskProcess) -> None:
        self._leases = leases
        self._process = process
        self._interval = lease.total_seconds() / RENEWALS_PER_LEASE
        self._limit = lease.total_seconds() * SELF_KILL_SHARE
        self._lock = threading.Lock()
        self._task: Task | None = None
        self._thread: threading.Thread | None = None
        self._sleep, self._monotonic, self._set_timer = time.sleep, time.monotonic, signal.setitimer
        """As they are before any work: work may replace them, as tests do, and must not so keep its lease."""

    def arm(self) -> None:
        self._process.end_copy()
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        self._set_timer(signal.ITIMER_REAL, self._limit)

    def start_renewing(self, task: Task) -> None:
        self._process.end_copy()
        with self._lock:
            self._task = task
        if self._thread is None:
            self._thread = threading.Thread(target=self._renew_forever, name="lease-keeper", daemon=True)
            self._thread.start()

    def stop_renewing(self) -> None:
        with self._lock:
            self._task = None

    def release(self) -> None:
        with self._lock:
            self._task = None
            self._set_timer(signal.ITIMER_REAL, 0)

    def _renew_forever(self) -> None:
        """Runs for as long as the process: a thread per run would cost more than an empty task."""
        pause = self._interval
        while True:
            self._sleep(pause)
            task = self._task
            pause = self._interval if task is None or self._renew(task) else RETRY_SECONDS

    def _renew(self, task: Task) -> bool:
        """False when the store did not answer. A reply counts only while the run that asked goes on."""
        sent = self._monotonic()
        try:
            renewed = self._leases.renew(task)
        except StoreUnavailable as error:
            logger.warning("Cannot renew: %s", error.reason, extra={"action": "renew_failed", "task_id": task.task_id})
            return False
        except Exception:
            logger.exception("Cannot renew", extra={"action": "renew_failed", "task_id": task.task_id})
            return False
        with self._lock:
            if self._task is task and renewed:
                self._set_timer(signal.ITIMER_REAL, max(self._limit - (self._monotonic() - sent), 0.001))
            elif self._task is task:
                logger.error("The lease is lost", extra={"action": "lease_lost", "task_id": task.task_id})
                os.kill(os.getpid(), signal.SIGKILL)
        return True
