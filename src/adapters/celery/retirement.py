"""Replaces a child of the pool after so many runs, or when it has grown too large, between two runs.

Celery's own max_tasks_per_child counts wake-ups, each of which may be many runs.
"""

import logging
import os
import resource
import sys
from pathlib import Path
from typing import Any

from billiard.pool import EX_FAILURE, EX_OK, EX_RECYCLE
from celery.concurrency.asynpool import AsynPool, Worker
from celery.concurrency.prefork import TaskPool

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

logger = logging.getLogger(__name__)


class Retirement:
    """Decides when the child that holds it is to be replaced. A limit of 0 is none."""

    def __init__(self, max_runs: int, max_memory_bytes: int) -> None:
        self._max_runs = max_runs
        self._max_memory = max_memory_bytes
        self._runs = 0
        self._reason = ""

    def count_run(self) -> None:
        """Call after each run."""
        self._runs += 1
        if self._max_runs and self._runs >= self._max_runs:
            self._reason = "TASKS_CHILD_MAX_RUNS is reached"
        elif self._max_memory and (used := resident_bytes()) > self._max_memory:
            self._reason = f"{used >> 20} MiB are resident, more than TASKS_CHILD_MAX_MEMORY"

    def require(self, reason: str) -> None:
        """Have the child replaced after the present run, whatever the limits are."""
        self._reason = reason

    @property
    def is_due(self) -> bool:
        return bool(self._reason)

    def retire(self) -> None:
        """End this process. The parent sees a code that Celery takes for an orderly end, and starts another child."""
        logger.info(
            "Replacing this child after %d runs: %s", self._runs, self._reason, extra={"action": "child_retired"}
        )
        os._exit(EX_RECYCLE)


def resident_bytes() -> int:
    """Return the memory of this process that is resident now; off Linux, the most that ever was."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * PAGE_BYTES
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def retiring_pool(retirement: Retirement) -> type[Any]:
    """Return Celery's prefork pool with children that leave when their copy of `retirement` says so.

    A child leaves when it would wait for its next wake-up: the result of the last one is on its way to the parent,
    and no run is held.
    """

    class RetiringWorker(Worker):
        wait_for_job: Any
        on_exit: Any

        def on_loop_start(self, pid: int) -> None:
            super().on_loop_start(pid)
            receive = self.wait_for_job

            def receive_or_retire() -> Any:
                if retirement.is_due:
                    retirement.retire()
                return receive()

            self.wait_for_job = receive_or_retire

        def _do_exit(self, pid: int, exitcode: int | None, exc: BaseException | None = None) -> None:
            """Leave without the second that billiard sleeps here: the parent sees the end of the process itself."""
            if self.on_exit is not None:
                self.on_exit(pid, exitcode)
            os._exit((EX_FAILURE if exc else EX_OK) if exitcode is None else exitcode)

    class RetiringAsynPool(AsynPool):
        Worker = RetiringWorker

        def _track_child_process(self, proc: Any, hub: Any) -> None:
            """Pass over a child that ended while the connection was lost: the pool replaces it.

            Celery 5.7 registers it with the event loop again after the reconnect, though it has given the descriptor
            back, and the worker ends with "file descriptor is None".
            """
            if getattr(proc, "_sentinel_poll", True) is not None:
                super()._track_child_process(proc, hub)  # type: ignore[misc]  # not in the stubs

    class RetiringPool(TaskPool):
        Pool = RetiringAsynPool

    return RetiringPool
