"""Calls prctl(2) and reads /proc/<pid>/stat, for which Python has no functions.

Does nothing off Linux.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SET_PDEATHSIG = 1
SET_CHILD_SUBREAPER = 36
STOPPED = "T"
"""proc(5): stopped by SIGSTOP, SIGTSTP, SIGTTIN or SIGTTOU.

A process under a debugger is "t" instead.
"""

IS_LINUX = sys.platform == "linux"
_prctl = ctypes.CDLL(None).prctl if IS_LINUX else None
"""Looked up at import: a process that was just forked must not take the loader's lock."""


@dataclass(frozen=True)
class ProcessEntry:
    """A process as the kernel describes it."""

    pid: int
    state: str
    """The letter of proc(5), such as R, S, T or Z."""
    parent: int
    session: int


def adopt_orphans() -> None:
    """Make this process the parent of all descendants, daemons too, whose own parent ends."""
    if _prctl is not None:
        _prctl(SET_CHILD_SUBREAPER, ctypes.c_ulong(1))


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that forked it ends."""
    if _prctl is not None:
        _prctl(SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))


def process_table() -> Iterator[ProcessEntry]:
    """Yield every process of this host.

    Raises OSError when /proc cannot be read; yields nothing off Linux.
    """
    if IS_LINUX:
        for name in os.listdir("/proc"):  # noqa: PTH208 - names, not paths
            if name.isdecimal() and (entry := process_entry(int(name))):
                yield entry


def process_entry(pid: int) -> ProcessEntry | None:
    """Return the entry of a process. Returns None if there is no such process, and off Linux."""
    if fields := _stat(pid):
        state, parent, _, session = fields[:4]
        return ProcessEntry(pid, state, int(parent), int(session))
    return None


def is_stopped(pid: int) -> bool:
    """Return whether the whole process stands still until SIGCONT. Always False off Linux."""
    entry = process_entry(pid)
    return entry is not None and entry.state == STOPPED


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds that a process has used. 0 if there is no such process, or off Linux.

    The kernel counts them in ticks of 10 ms on most machines.
    """
    if fields := _stat(pid):
        user, system = fields[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    return 0.0


def waited_seconds(pid: int) -> float:
    """Return for how long the main thread of a process has waited for a processor so far.

    Returns 0 if there is no such process, off Linux, and where the kernel does not count it.
    """
    with suppress(OSError, IndexError, ValueError):
        return int(Path(f"/proc/{pid}/schedstat").read_bytes().split()[1]) / 1e9
    return 0.0


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/<pid>/stat from the state on; [] if there is no such process.

    proc(5): pid (comm) state ppid pgrp session … utime stime …; comm may contain anything.
    """
    with suppress(FileNotFoundError, ProcessLookupError):
        stat = Path(f"/proc/{pid}/stat").read_bytes().decode(errors="replace")
        return stat.rpartition(") ")[2].split()
    return []
