"""Decides when a child of the worker is replaced: after so many runs, or when it has grown too
large.

Celery's own max_tasks_per_child counts wake-ups, each of which may be many runs.
"""

import logging
import os
import resource
import sys
from pathlib import Path

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

logger = logging.getLogger(__name__)


class Retirement:
    """Decides for the child that holds it. Each child has a copy of its own, made by the fork."""

    def __init__(self, max_runs: int = 0, max_memory_bytes: int = 0) -> None:
        """A limit of 0 means no limit."""
        self._max_runs = max_runs
        self._max_memory = max_memory_bytes
        self._runs = 0
        self._reason = ""

    def count_run(self) -> None:
        """Count a run and compare the limits. Call after each run."""
        self._runs += 1
        if self._max_runs and self._runs >= self._max_runs:
            self._reason = "TASKS_CHILD_MAX_RUNS is reached"
        elif self._max_memory and (used := resident_bytes()) > self._max_memory:
            self._reason = f"{used >> 20} MiB are resident, more than TASKS_CHILD_MAX_MEMORY"

    def schedule(self, reason: str) -> None:
        """Have the child replaced after the current run, whatever the limits are."""
        self._reason = reason

    @property
    def is_due(self) -> bool:
        return bool(self._reason)

    def end_process(self, exit_code: int) -> None:
        """End this process at once."""
        logger.info(
            "Replacing this child after %d runs: %s",
            self._runs,
            self._reason,
            extra={"action": "child_retired"},
        )
        os._exit(exit_code)


def resident_bytes() -> int:
    """Return the resident memory of this process; off Linux, its peak."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * PAGE_BYTES
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
