"""State that a process has once for all of its runs: directory, limits, signals, the interpreter's switches."""

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
    *(signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGXCPU),
)
"""Those that programs take over. To ask for one costs 0.4 microseconds."""
LIMITS = tuple(sorted({getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")}))
FUNCTIONS = (
    *((time, name) for name in ("time", "monotonic", "perf_counter", "sleep")),
    *((json, name) for name in ("dumps", "loads")),
)
"""Functions that tests and work replace, and that this service's own work needs."""

logger = logging.getLogger(__name__)


class ProcessState:
    """The state at the time this object is made, in the main thread."""

    def __init__(self) -> None:
        self._directory = os.getcwd()  # noqa: PTH109 - as text, for chdir(2)
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
        """Make the state what it was. Returns False if some of it cannot be restored: the process is to be replaced."""
        steps = (
            *(self._restore_traces, self._restore_signals, self._restore_limits, self._restore_interpreter),
            *(self._restore_logging, self._restore_locale, self._restore_directory, self._restore_scheduling),
            *(self._is_the_same, self._has_descriptors),
        )
        outcomes = [succeeds(step) for step in steps]
        return all(outcomes)

    def _restore_traces(self) -> None:
        if _traces() != self._traces:
            sys.settrace(self._traces[0])
            sys.setprofile(self._traces[1])
            threading.settrace(self._traces[2])
            threading.setprofile(self._traces[3])

    def _restore_signals(self) -> None:
        """The timer behind SIGALRM is the lease keeper's and stays."""
        for timer in (signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
            signal.setitimer(timer, 0)
        for number, handler in self._handlers.items():
            if handler is not None and signal.getsignal(number) != handler:
                signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._blocked)

    def _restore_limits(self) -> None:
        """Raises OSError or ValueError where a hard limit was lowered, which root alone can raise again."""
        changed = {limit: kept for limit, kept in self._limits.items() if resource.getrlimit(limit) != kept}
        for limit, kept in changed.items():
            resource.setrlimit(limit, kept)

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
        try:
            os.chdir(self._directory)
        except FileNotFoundError:  # the folder was removed; a new process would not find it either
            return

    def _restore_scheduling(self) -> None:
        """Raises PermissionError where the priority was lowered, which root alone can raise again."""
        if _priority() != self._priority:
            os.setpriority(os.PRIO_PROCESS, 0, self._priority)
        if self._processors is not None and _processors() != self._processors:
            os.sched_setaffinity(0, self._processors)

    def _is_the_same(self) -> bool:
        return _fixed() == self._fixed

    def _has_descriptors(self) -> bool:
        """Return False when half of the descriptors that this process may have are open."""
        lowest_free = os.dup(0)
        os.close(lowest_free)
        limit = self._limits[resource.RLIMIT_NOFILE][0]
        return limit == resource.RLIM_INFINITY or lowest_free < limit // 2


def succeeds(step: Callable[[], object]) -> bool:
    """Return False when the step returns False or raises; only RunStopped passes."""
    try:
        return step() is not False
    except RunStopped:
        raise
    except BaseException:
        logger.warning("Cannot undo what a run changed", exc_info=True, extra={"action": "undo_failed"})
        return False


def _traces() -> tuple[Any, ...]:
    return sys.gettrace(), sys.getprofile(), threading.gettrace(), threading.getprofile()


def _priority() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


def _processors() -> set[int] | None:
    """Return the processors that this process may use, None off Linux."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None


def _fixed() -> tuple[object, ...]:
    """Return what only a new process gets back: user, group, root directory, and the files of 0, 1 and 2."""
    files = [os.stat("/"), *map(os.fstat, (0, 1, 2))]  # noqa: PTH116 - once a run
    return (
        *(os.getuid(), os.geteuid(), os.getgid(), os.getegid()),
        *((status.st_dev, status.st_ino) for status in files),
    )
