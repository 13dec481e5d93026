"""A module of handlers that makes the system of its worker refuse processes or threads.

As at a limit on processes, which work that forks without end has used up.
"""

import errno
import os
import threading
from pathlib import Path

NO_FORKS = Path(os.environ.get("NO_FORKS", "/nonexistent"))
NO_THREAD = os.environ.get("NO_THREAD", "")

_fork, _start = os.fork, threading.Thread.start


def _fork_unless_refused() -> int:
    if NO_FORKS.exists():
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return _fork()


def _start_unless_refused(thread: threading.Thread) -> None:
    if thread.name == NO_THREAD:
        raise RuntimeError("can't start new thread")
    _start(thread)


os.fork = _fork_unless_refused
threading.Thread.start = _start_unless_refused  # type: ignore[method-assign]


def nothing() -> None:
    """Do nothing."""
