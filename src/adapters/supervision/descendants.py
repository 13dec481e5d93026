"""The processes that the work of this process started, and what ends them.

On Linux this process adopts orphans, so that each descendant sooner or later is a child of it.
"""

import contextlib
import logging
import os
import signal
import time
from collections.abc import Set

from adapters.supervision.linux import IS_LINUX, process_table

PATIENCE_SECONDS = 5.0
PAUSE_SECONDS = 0.002

logger = logging.getLogger(__name__)


class Descendants:
    """One per process that runs tasks."""

    def __init__(self) -> None:
        self._kept: Set[int] = frozenset()

    def keep(self) -> None:
        """Spare those that run now from `end`."""
        self._kept = children() if has_children() else frozenset()

    def end(self) -> bool:
        """Kill all but the kept ones. Returns False if some are still there after 5 seconds.

        Costs less than a microsecond when there are none.
        """
        return not has_children() or self._end_all()

    def _end_all(self) -> bool:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while left := children() - self._kept:
            for pid in left:
                kill_and_reap(pid)
            if time.monotonic() > deadline:
                logger.warning("Cannot end processes that a run left", extra={"action": "leftovers", "pids": [*left]})
                return False
            time.sleep(PAUSE_SECONDS)  # what they started is adopted when they are gone
        return True


def has_children() -> bool:
    """True also for children that have ended and were not waited for. Always False off Linux."""
    if not IS_LINUX:
        return False
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def children() -> Set[int]:
    """The process ids of this process's children, the ended ones included. Empty off Linux."""
    me = os.getpid()
    return {entry.pid for entry in process_table() if entry.parent == me}


def kill_and_reap(pid: int) -> None:
    """Kill a child. It is gone after this call or after a later one."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def kill_group(leader: int) -> None:
    """Kill every process of the group whose leader this is or was."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def kill_with_group(pid: int) -> None:
    """Kill the process, which may lead no group yet, and every process of its group."""
    kill_group(pid)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
