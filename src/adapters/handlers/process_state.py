"""State that a process has once for all of its runs: directory, limits, signals and the like."""

import contextlib
import locale
import os
import resource
import signal
import sys

SIGNALS = (
    *(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGPIPE, signal.SIGCHLD),
    *(signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGXCPU),
)
"""Those that programs take over. To ask for one costs 0.4 microseconds."""
LIMITS = tuple(sorted({getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")}))


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

    def restore(self) -> bool:
        """Make the state what it was. Returns False if a limit was lowered for good.

        About 10 microseconds when nothing has changed.
        """
        with contextlib.suppress(OSError):  # the folder was removed
            os.chdir(self._directory)
        os.umask(self._umask)
        self._restore_signals()
        sys.stdin, sys.stdout, sys.stderr = self._streams
        if sys.getrecursionlimit() != self._recursion:
            sys.setrecursionlimit(self._recursion)
        if locale.setlocale(locale.LC_ALL) != self._locale:
            locale.setlocale(locale.LC_ALL, self._locale)
        return self._restore_limits()

    def _restore_signals(self) -> None:
        """The timer behind SIGALRM is the lease keeper's and stays."""
        for timer in (signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
            signal.setitimer(timer, 0)
        for number, handler in self._handlers.items():
            if handler is not None and signal.getsignal(number) != handler:
                signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._blocked)

    def _restore_limits(self) -> bool:
        """A hard limit can be raised again by root alone."""
        changed = {limit: kept for limit, kept in self._limits.items() if resource.getrlimit(limit) != kept}
        for limit, kept in changed.items():
            try:
                resource.setrlimit(limit, kept)
            except (OSError, ValueError):
                return False
        return True
