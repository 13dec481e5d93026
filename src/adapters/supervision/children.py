"""Watches the processes of the worker's pool by pidfd_open(2), which Linux alone has, since 5.3.

Celery notices a death after 0.1 to 4.4 s, because its sentinel fires before the child can be
reaped. A pidfd fires at once. Elsewhere no child is watched, and Celery's own pace remains.
"""

import logging
import os
import select
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from adapters.supervision.child_exit import exit_code
from adapters.supervision.linux import IS_LINUX

MAX_RECENTLY_DEAD = 256

logger = logging.getLogger(__name__)


class Pool(Protocol):
    """The part of the worker's pool that the watch reads."""

    def processes(self) -> Sequence[Any]:
        """Return the processes that have started and were not removed yet."""

    def wake_ups(self) -> Mapping[int, int]:
        """Return the number of the wake-up that each child works on, by process id."""


class Children:
    """The processes of the pool, alive and dead."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._descriptors: dict[int, int] = {}
        self._processes: dict[int, Any] = {}
        self._dead: dict[int, int | None] = {}
        """Exit codes by process id, until `take_dead`."""
        self._recently_dead: OrderedDict[int, Any] = OrderedDict()
        """Dead processes that the pool may still list, by process id. Others may get their ids."""
        self._failures: set[str] = set()
        """The reasons why processes could not be watched, each of which is logged once."""
        self._poller = select.poll()
        self._pool: Pool | None = None
        self._spared: frozenset[int] = frozenset()
        self.are_watched = _can_watch()
        """False off Linux, and where the kernel or a sandbox has no pidfds."""
        if IS_LINUX and not self.are_watched:
            logger.warning(
                "This system has no pidfds (Linux 5.4 and later has them, some sandboxes do not). "
                "A child's death is noticed when its lease ends, and running work cannot be "
                "cancelled or timed out.",
                extra={"action": "children_unwatched"},
            )

    def belong_to(self, pool: Pool) -> None:
        """Set the pool whose processes these are."""
        self._pool = pool

    def spare(self, pid: int) -> None:
        """Count a process that does not belong to the pool among the known ones, the latest one."""
        self._spared = frozenset([pid])

    def watch(self, processes: Iterable[Any]) -> None:
        """Watch the processes that are not watched yet."""
        for process in processes:
            self._watch(process)

    def wake_ups(self) -> Mapping[int, int]:
        """Return the number of the wake-up that each child works on, by process id."""
        return self._pool.wake_ups() if self._pool is not None else {}

    def living(self) -> list[int]:
        """Return the process ids of the children that are alive."""
        with self._lock:
            return list(self._descriptors)

    def known(self) -> frozenset[int]:
        """Return the process ids of the children that are alive or died recently.

        Those that cannot be watched are among them.
        """
        listed = self._pool.processes() if self._pool is not None else ()
        with self._lock:
            pids = (process.pid for process in listed)
            known = (*pids, *self._descriptors, *self._recently_dead, *self._dead, *self._spared)
            return frozenset(known)

    def wait(self, seconds: float) -> None:
        """Wait until a child dies, at most this long. Watch new children of the pool first.

        The pool may start children while its event loop stands still, as during an outage of Redis.
        """
        if self._pool is not None:
            self.watch(self._pool.processes())
        for descriptor, _ in self._poller.poll(max(seconds, 0) * 1000):
            self._record_death(descriptor)

    def take_dead(self) -> dict[int, int | None]:
        """Return the children that died since the last call, each with its `exit_code`."""
        with self._lock:
            dead, self._dead = self._dead, {}
            return dead

    def _watch(self, process: Any) -> None:
        pid = process.pid
        with self._lock:
            is_known = pid in self._descriptors or self._recently_dead.get(pid) is process
            if is_known or not self.are_watched:
                return
            try:
                descriptor = os.pidfd_open(pid)
            except ProcessLookupError:
                self._dead[pid] = None
                self._remember(pid, process)
                return
            except OSError as error:  # no descriptors are left; the others are watched
                self._log_once(error)
                return
            self._descriptors[pid] = descriptor
            self._processes[pid] = process
            self._poller.register(descriptor, select.POLLIN)

    def _record_death(self, descriptor: int) -> None:
        with self._lock:
            pid = next(pid for pid, known in self._descriptors.items() if known == descriptor)
            del self._descriptors[pid]
            process = self._processes.pop(pid)
            self._dead[pid] = None  # the death counts, whatever prevents its cause from being read
            self._remember(pid, process)
            self._poller.unregister(descriptor)
            try:
                self._dead[pid] = exit_code(descriptor, process)
            finally:
                os.close(descriptor)

    def _remember(self, pid: int, process: Any) -> None:
        self._recently_dead[pid] = process
        self._recently_dead.move_to_end(pid)
        if len(self._recently_dead) > MAX_RECENTLY_DEAD:
            self._recently_dead.popitem(last=False)

    def _log_once(self, error: OSError) -> None:
        reason = error.strerror or str(error)
        if reason not in self._failures:
            self._failures.add(reason)
            logger.error(
                "A child cannot be watched (%s): its death is noticed when its lease ends. "
                "Raise the limit on open files (ulimit -n), or lower TASKS_WORKER_CONCURRENCY.",
                reason,
                extra={"action": "child_unwatched"},
            )


def _can_watch() -> bool:
    """Return whether this process can open a pidfd and wait for it, tried on this process."""
    if not hasattr(os, "pidfd_open"):
        return False
    try:
        descriptor = os.pidfd_open(os.getpid())
    except OSError:
        return False
    try:
        os.waitid(os.P_PIDFD, descriptor, os.WEXITED | os.WNOHANG)
    except ChildProcessError:  # this process is not its own child, which is what the kernel says
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
