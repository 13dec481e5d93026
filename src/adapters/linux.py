"""Process control of Linux that Python has no function for: prctl(2). Elsewhere these functions do nothing."""

import ctypes
import signal
import sys

SET_PDEATHSIG = 1
SET_CHILD_SUBREAPER = 36

IS_LINUX = sys.platform == "linux"
_prctl = ctypes.CDLL(None).prctl if IS_LINUX else None
"""Looked up at import, since a process that was just forked must not take the loader's lock."""


def adopt_orphans() -> None:
    """Make this process the new parent of its descendants whose own parent ends, also of daemons."""
    if _prctl is not None:
        _prctl(SET_CHILD_SUBREAPER, ctypes.c_ulong(1))


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that forked it ends."""
    if _prctl is not None:
        _prctl(SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
