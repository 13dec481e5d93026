"""Tells the process that runs tasks from the copies of it that handlers make by os.fork()."""

import os
import signal
import threading
from collections.abc import Mapping

from adapters.supervision.linux import die_with_parent
from adapters.supervision.retirement import Retirement

OpenFiles = Mapping[int, tuple[int, int]]
"""Descriptors, each with the device and inode behind it."""


class TaskProcess:
    """The process in which this object is created.

    A copy inherits the object and sees that it is a copy.
    """

    def __init__(self, retirement: Retirement | None = None) -> None:
        self.retirement = retirement or Retirement()
        """Decides when the worker replaces this process."""
        self._getpid = os.getpid  # a reference of its own, since work may replace os.getpid
        self._pid = os.getpid()
        self._worker_files: OpenFiles = {}
        self._next_copy_is_direct = False

    @property
    def is_copy(self) -> bool:
        return self._getpid() != self._pid

    def end_copy(self, status: int = 0) -> None:
        """End this process at once if it is a copy: a copy holds no run and must not write about
        one."""
        if self.is_copy:
            os._exit(status)

    @property
    def has_files_of_worker(self) -> bool:
        """False if work closed or replaced a descriptor of the worker, such as a pipe of its
        pool."""
        return all(_file(descriptor) == file for descriptor, file in self._worker_files.items())

    def outlive_sigterm(self) -> None:
        """Ignore SIGTERM in this process. Copies of it and programs that it starts end as usual.

        A service manager may send SIGTERM to all processes at once. The worker's parent decides
        when this one ends.
        """
        signal.signal(signal.SIGTERM, _ignore_signal)

    def guard_forks(self, *, not_ours: OpenFiles) -> None:
        """Have each copy close the worker's files: all files that are open now, except
        `not_ours`."""
        self._worker_files = {
            descriptor: file
            for descriptor, file in open_files().items()
            if not_ours.get(descriptor) != file
        }
        os.register_at_fork(before=self._note_thread, after_in_child=self._close_worker_files)

    def _note_thread(self) -> None:
        is_main = threading.current_thread() is threading.main_thread()
        self._next_copy_is_direct = is_main and not self.is_copy

    def _close_worker_files(self) -> None:
        """Close the files of the worker and handle SIGTERM as usual.

        Runs first in each copy, and in copies of copies.

        A copy that still had the worker's lock would make a dead worker look alive. A copy that the
        main thread made dies with this process. Copies of copies may be daemons, whose parent ends
        early, so they live on.
        """
        for descriptor, file in self._worker_files.items():
            if _file(descriptor) == file:
                os.close(descriptor)
        self._worker_files = {}
        if signal.getsignal(signal.SIGTERM) is _ignore_signal:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if self._next_copy_is_direct:
            die_with_parent()
            if os.getppid() != self._pid:  # the parent died before die_with_parent
                os._exit(1)
        self._next_copy_is_direct = False


def _ignore_signal(*_: object) -> None:
    """Handle a signal by doing nothing. Programs would inherit SIG_IGN, but not this."""


def open_files() -> OpenFiles:
    """Return all descriptors of this process except standard input, output and error."""
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
