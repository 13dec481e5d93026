"""Restore what all runs of a process share: directory, limits, signals and interpreter settings."""

import asyncio
import gc
import json
import locale
import logging
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from application.errors import RunStopped

SIGNALS = (
    *(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGPIPE, signal.SIGCHLD),
    *(
        signal.SIGUSR1,
        signal.SIGUSR2,
        signal.SIGALRM,
        signal.SIGVTALRM,
        signal.SIGPROF,
        signal.SIGXCPU,
    ),
)
"""Signals that programs handle themselves. Reading one handler takes 0.4 microseconds."""
LIMITS = tuple(
    sorted({getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")})
)
FUNCTIONS = (
    *((time, name) for name in ("time", "monotonic", "perf_counter", "sleep")),
    *((json, name) for name in ("dumps", "loads")),
)
"""Functions that handlers may replace, as tests do, and that this service calls itself."""

logger = logging.getLogger(__name__)


class ProcessState:
    """A snapshot of the state when this object is made. Make and restore it in the main thread."""

    def __init__(self) -> None:
        self._directory = _directory()
        self._umask = os.umask(0)
        os.umask(self._umask)
        self._limits = {limit: resource.getrlimit(limit) for limit in LIMITS}
        self._handlers = {number: signal.getsignal(number) for number in SIGNALS}
        self._blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        self._recursion = sys.getrecursionlimit()
        self._streams = sys.stdin, sys.stdout, sys.stderr
        self._locale = locale.setlocale(locale.LC_ALL)
        self._switch_interval = sys.getswitchinterval()
        self._collects = gc.isenabled()
        self._path = sys.path, [*sys.path]
        self._traces = _traces()
        self._functions = [(module, name, getattr(module, name)) for module, name in FUNCTIONS]
        self._timeout = socket.getdefaulttimeout()
        self._logging = logging.root.manager.disable, logging.root.level, [*logging.root.handlers]
        self._priority = _priority()
        self._processors = _processors()
        self._fixed = _fixed()

    def restore(self) -> bool:
        """Restore the snapshot. Returns False if a part fails: the process must be replaced."""
        steps = (
            *(
                self._restore_traces,
                self._restore_signals,
                self._restore_limits,
                self._restore_interpreter,
            ),
            *(
                self._restore_logging,
                self._restore_locale,
                self._restore_directory,
                self._restore_scheduling,
            ),
            *(self._is_the_same, self._has_descriptors),
        )
        outcomes = [run_step(step) for step in steps]
        return all(outcomes)

    def _restore_traces(self) -> None:
        if _traces() != self._traces:
            sys.settrace(self._traces[0])
            sys.setprofile(self._traces[1])
            threading.settrace(self._traces[2])
            threading.setprofile(self._traces[3])

    def _restore_signals(self) -> None:
        """Restore handlers and mask, stop timers. The SIGALRM timer belongs to LeaseTimer."""
        for timer in (signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
            signal.setitimer(timer, 0)
        for number, handler in self._handlers.items():
            if handler is not None and signal.getsignal(number) != handler:
                signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._blocked)

    def _restore_limits(self) -> None:
        """Raises OSError or ValueError for a lowered hard limit: only root can raise it again."""
        for limit, value in self._limits.items():
            if resource.getrlimit(limit) != value:
                resource.setrlimit(limit, value)

    def _restore_interpreter(self) -> None:
        sys.stdin, sys.stdout, sys.stderr = self._streams
        if sys.getrecursionlimit() != self._recursion:
            sys.setrecursionlimit(self._recursion)
        if sys.getswitchinterval() != self._switch_interval:
            sys.setswitchinterval(self._switch_interval)
        if gc.isenabled() != self._collects:
            (gc.enable if self._collects else gc.disable)()
        sys.path, sys.path[:] = self._path
        for module, name, function in self._functions:
            setattr(module, name, function)
        socket.setdefaulttimeout(self._timeout)
        asyncio._set_running_loop(None)

    def _restore_logging(self) -> None:
        disabled, level, handlers = self._logging
        if logging.root.manager.disable != disabled:
            logging.disable(disabled)
        if logging.root.level != level:
            logging.root.setLevel(level)
        if logging.root.handlers != handlers:
            logging.root.handlers = [*handlers]

    def _restore_locale(self) -> None:
        if locale.setlocale(locale.LC_ALL) != self._locale:
            locale.setlocale(locale.LC_ALL, self._locale)

    def _restore_directory(self) -> None:
        os.umask(self._umask)
        if self._directory is None:
            return
        try:
            os.chdir(self._directory)
        except FileNotFoundError:  # removed meanwhile; a new process would not find it either
            return

    def _restore_scheduling(self) -> None:
        """Raises PermissionError if the priority was lowered: only root can raise it again."""
        if _priority() != self._priority:
            os.setpriority(os.PRIO_PROCESS, 0, self._priority)
        if self._processors is not None and _processors() != self._processors:
            os.sched_setaffinity(0, self._processors)

    def _is_the_same(self) -> bool:
        return _fixed() == self._fixed

    def _has_descriptors(self) -> bool:
        """Return False if half of the descriptors that this process may open are open."""
        lowest_free = os.dup(0)
        os.close(lowest_free)
        limit = self._limits[resource.RLIMIT_NOFILE][0]
        return limit == resource.RLIM_INFINITY or lowest_free < limit // 2


def run_step(step: Callable[[], object]) -> bool:
    """Return False if the step returns False or raises. Only RunStopped is raised again."""
    try:
        return step() is not False
    except RunStopped:
        raise
    except BaseException:
        logger.warning(
            "Cannot undo what a run changed", exc_info=True, extra={"action": "undo_failed"}
        )
        return False


def _directory() -> str | None:
    """Return the working directory; None when it was removed."""
    try:
        return os.getcwd()  # noqa: PTH109 - as text, for chdir(2)
    except FileNotFoundError:
        return None


def _traces() -> tuple[Any, ...]:
    return sys.gettrace(), sys.getprofile(), threading.gettrace(), threading.getprofile()


def _priority() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


def _processors() -> set[int] | None:
    """Return the processors that this process may use. None on systems other than Linux."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None


def _fixed() -> tuple[object, ...]:
    """Return what cannot be restored: user, group, root directory, files of descriptors 0 to 2."""
    files = [os.stat("/"), *map(os.fstat, (0, 1, 2))]  # noqa: PTH116 - once a run
    return (
        *(os.getuid(), os.geteuid(), os.getgid(), os.getegid()),
        *((status.st_dev, status.st_ino) for status in files),
    )
