"""Finds and kills the processes that the work of this process started.

On Linux this process adopts orphans, so each descendant sooner or later becomes its child.
"""

import contextlib
import logging
import os
import signal
import time
from collections.abc import Set

from adapters.supervision.linux import IS_LINUX, process_table

MAX_KILL_SECONDS = 5.0
PAUSE_SECONDS = 0.002

logger = logging.getLogger(__name__)


class Descendants:
    """The descendants of this process. One instance per process that runs tasks."""

    def __init__(self) -> None:
        self._spared: Set[int] = frozenset()

    def spare(self) -> None:
        """Have `end` spare the processes that run now."""
        self._spared = children() if has_children() else frozenset()

    def end(self) -> bool:
        """Kill all processes but the spared ones. Returns False if some still run after 5 seconds.

        Costs less than a microsecond if there are none.
        """
        return not has_children() or self._end_all()

    def _end_all(self) -> bool:
        deadline = time.monotonic() + MAX_KILL_SECONDS
        while left := children() - self._spared:
            for pid in left:
                kill_and_reap(pid)
            if time.monotonic() > deadline:
                logger.warning(
                    "Cannot end processes that a run left",
                    extra={"action": "leftovers", "pids": [*left]},
                )
                return False
            time.sleep(PAUSE_SECONDS)  # when they are gone, this process adopts what they started
        return True


def has_children() -> bool:
    """Return whether this process has children, zombies included. Always False off Linux."""
    if not IS_LINUX:
        return False
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def children() -> Set[int]:
    """Return the process ids of this process's children, zombies included. Empty off Linux."""
    me = os.getpid()
    return {entry.pid for entry in process_table() if entry.parent == me}


def kill_and_reap(pid: int) -> None:
    """Kill a child and reap it if it is dead already. Call again until it is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def kill_group(leader: int) -> None:
    """Kill every process of the group that this process leads or led."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def kill_with_group(pid: int) -> None:
    """Kill the process and its group. The process may not lead a group yet."""
    kill_group(pid)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
