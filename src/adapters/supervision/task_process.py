"""The process that runs tasks, told apart from the copies of it that handlers make by os.fork()."""

import os
import signal
import threading
from collections.abc import Mapping

from adapters.supervision.linux import die_with_parent

OpenFiles = Mapping[int, tuple[int, int]]
"""Descriptors, each with the device and inode behind it."""


class TaskProcess:
    """The process in which this object is made. Copies of it inherit the object and find out that they are copies."""

    def __init__(self) -> None:
        self._getpid = os.getpid  # work may replace it
        self._pid = os.getpid()
        self._worker_files: OpenFiles = {}
        self._next_copy_is_direct = False
        self.is_retired = False
        """True when this process must not run another task; its worker then replaces it."""

    @property
    def is_copy(self) -> bool:
        return self._getpid() != self._pid

    def end_copy(self, status: int = 0) -> None:
        """End this process at once if it is a copy: it holds no run and must not write anything about one."""
        if self.is_copy:
            os._exit(status)

    def retire(self) -> None:
        """Ask for a new process after the present run."""
        self.is_retired = True

    @property
    def has_files_of_worker(self) -> bool:
        """False when work closed or replaced a descriptor of the worker, such as a pipe of its pool."""
        return all(_file(descriptor) == file for descriptor, file in self._worker_files.items())

    def outlive_sigterm(self) -> None:
        """From now on SIGTERM does nothing to this process; copies and programs end by it as usual.

        A service manager may send it to all processes at once. The worker's parent decides when this one ends.
        """
        signal.signal(signal.SIGTERM, _pass_over)

    def guard_forks(self, *, not_ours: OpenFiles) -> None:
        """From now on each copy closes the worker's files: all that are open now, but those of `not_ours`."""
        self._worker_files = {
            descriptor: file for descriptor, file in open_files().items() if not_ours.get(descriptor) != file
        }
        os.register_at_fork(before=self._note_thread, after_in_child=self._disown)

    def _note_thread(self) -> None:
        is_main = threading.current_thread() is threading.main_thread()
        self._next_copy_is_direct = is_main and not self.is_copy

    def _disown(self) -> None:
        """Runs first in each copy, and in copies of copies.

        A copy that still had the lock of the worker would make the worker look alive after its death. A copy that was
        made by the main thread dies with this process; copies of copies may be daemons, whose parent ends early.
        """
        for descriptor, file in self._worker_files.items():
            if _file(descriptor) == file:
                os.close(descriptor)
        self._worker_files = {}
        if signal.getsignal(signal.SIGTERM) is _pass_over:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if self._next_copy_is_direct:
            die_with_parent()
            if os.getppid() != self._pid:  # it died before
                os._exit(1)
        self._next_copy_is_direct = False


def _pass_over(*_: object) -> None:
    """Handles a signal by doing nothing: SIG_IGN would be inherited by programs."""


def open_files() -> OpenFiles:
    """All descriptors of this process except standard input, output and error."""
    try:
        descriptors = [int(name) for name in os.listdir("/dev/fd")]  # noqa: PTH208 - names, not paths
    except OSError:
        return {}
    files = ((descriptor, _file(descriptor)) for descriptor in descriptors if descriptor > 2)
    return {descriptor: file for descriptor, file in files if file is not None}


def _file(descriptor: int) -> tuple[int, int] | None:
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino
