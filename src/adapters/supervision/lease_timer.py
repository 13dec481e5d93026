"""Renews the lease of this process's run. If that fails, the kernel ends the process in time."""

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
"""Share of a lease after which the process is dead, from sending the last successful renewal.

Nobody else may start the task before that. The kernel ends the process (setitimer(2), SIGALRM at
its default action), so it works while C code holds the GIL and while work swallows exceptions. A
stopped process ends as soon as it continues.
"""
RETRY_SECONDS = 0.5

logger = logging.getLogger(__name__)


class LeaseTimer(LeaseKeeper):
    """The LeaseKeeper that renews in a thread and ends the process by a timer of the kernel.

    Use one instance per process. Call `arm` and `release` in the main thread alone.
    """

    def __init__(self, leases: TaskLeases, lease: timedelta, process: TaskProcess) -> None:
        self._leases = leases
        self._process = process
        self._interval = lease.total_seconds() / RENEWALS_PER_LEASE
        self._limit = lease.total_seconds() * SELF_KILL_SHARE
        self._lock = threading.Lock()
        self._run: Task | None = None
        self._thread: threading.Thread | None = None
        self._sleep, self._monotonic, self._set_timer = time.sleep, time.monotonic, signal.setitimer
        """References taken before any work runs: work may replace these functions, as tests do."""

    def arm(self) -> None:
        """Raises RuntimeError, before anything is claimed, if no thread can be started."""
        self._process.end_copy()
        if self._thread is None:
            thread = threading.Thread(target=self._renew_forever, name="lease-timer", daemon=True)
            thread.start()
            self._thread = thread
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        self._set_timer(signal.ITIMER_REAL, self._limit)

    def start_renewing(self, run: Task) -> None:
        self._process.end_copy()
        with self._lock:
            self._run = run

    def stop_renewing(self) -> None:
        with self._lock:
            self._run = None

    def release(self) -> None:
        with self._lock:
            self._run = None
            self._set_timer(signal.ITIMER_REAL, 0)

    def _renew_forever(self) -> None:
        """Serve every run of the process: a thread per run would cost more than an empty task."""
        pause = self._interval
        while True:
            self._sleep(pause)
            run = self._run
            pause = self._interval if run is None or self._renew(run) else RETRY_SECONDS

    def _renew(self, run: Task) -> bool:
        """Renew once.

        Returns False if the store did not reply. Ignores a reply that comes after the run.
        """
        sent = self._monotonic()
        try:
            renewed = self._leases.renew(run)
        except StoreUnavailable as error:
            logger.warning(
                "Cannot renew: %s",
                error.reason,
                extra={"action": "renew_failed", "task_id": run.task_id},
            )
            return False
        except Exception:
            logger.exception(
                "Cannot renew", extra={"action": "renew_failed", "task_id": run.task_id}
            )
            return False
        with self._lock:
            if self._run is run and renewed:
                self._set_timer(
                    signal.ITIMER_REAL, max(self._limit - (self._monotonic() - sent), 0.001)
                )
            elif self._run is run:
                logger.error(
                    "The lease is lost", extra={"action": "lease_lost", "task_id": run.task_id}
                )
                os.kill(os.getpid(), signal.SIGKILL)
        return True
