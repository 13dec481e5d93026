"""Damage to the descriptors that a process of a worker inherits, as hostile work does it."""

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterable

DESCRIPTORS = range(3, 100)


def pipes_to_write() -> list[int]:
    """Return the descriptors of all pipes that this process writes to."""
    return [descriptor for descriptor in DESCRIPTORS if _is_pipe_to_write(descriptor)]


def garble(pipes: Iterable[int]) -> None:
    """Write the beginning of a message that never ends into each pipe."""
    for descriptor in pipes:
        os.write(descriptor, (1_000_000).to_bytes(4) + b"garbage")


def unlock_all() -> None:
    """Give up every lock of the descriptors."""
    for descriptor in DESCRIPTORS:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            fcntl.lockf(descriptor, fcntl.LOCK_UN)


def _is_pipe_to_write(descriptor: int) -> bool:
    try:
        mode = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE
        return mode == os.O_WRONLY and stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False
