"""Waits for the death of a child of this process that is no child of Celery's pool."""

import os
import select
import time


class ProcessWatch:
    """Is told of the death at once, by a pidfd; where there are none, at the next look."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._poller: select.poll | None = None
        self._descriptor = -1
        try:
            self._descriptor = os.pidfd_open(pid)
        except (AttributeError, OSError):  # off Linux, or in a sandbox
            return
        self._poller = select.poll()
        self._poller.register(self._descriptor, select.POLLIN)

    def wait(self, seconds: float) -> int | None:
        """Wait for so long at most. Returns the exit code of a dead process, which is reaped.

        Minus the number of the signal if one ended it. None while it lives.
        """
        if self._poller is None:
            time.sleep(seconds)
        elif not self._poller.poll(seconds * 1000):
            return None
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if not pid:
            return None
        if self._descriptor >= 0:
            os.close(self._descriptor)
        return os.waitstatus_to_exitcode(status)
