"""Reads from the kernel how a child of the worker ended, and puts it into sentences for people."""

import os
import signal
import time
from typing import Any

HINTS: dict[int, str] = {
    signal.SIGKILL: (
        " The kernel sends it when memory runs out; an operator or other code may send it, too."
    ),
    signal.SIGSEGV: " C code accessed memory that it does not own.",
    signal.SIGABRT: " C code called abort().",
}
REAP_SECONDS = 0.1
"""Time that billiard's thread may take from reaping a child to storing its exit code."""


def exit_code(descriptor: int, process: Any) -> int | None:
    """Return the exit code of a dead child, or minus the number of the signal that ended it.

    `descriptor` is a pidfd of the child. The child is not reaped, because billiard does that. If
    billiard was faster, its `process` has the code. Returns None if neither has it.
    """
    try:
        ended = os.waitid(os.P_PIDFD, descriptor, os.WEXITED | os.WNOWAIT | os.WNOHANG)
    except ChildProcessError:
        return _code_from_billiard(process)
    if ended is None:
        return None
    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


def _code_from_billiard(process: Any) -> int | None:
    until = time.monotonic() + REAP_SECONDS
    while process._popen.returncode is None and time.monotonic() < until:
        time.sleep(0.001)
    code: int | None = process._popen.returncode
    return code


def cause_of(code: int | None, renewal_limit: float) -> str:
    """Describe in full sentences how a child that held a run ended.

    `renewal_limit` is how many seconds a child lives without renewing its lease.
    """
    if code is None:
        return "How the process ended is not known."
    if code >= 0:
        return f"The process exited with code {code} during the run."
    if code == -signal.SIGALRM:
        return (
            f"The work kept the process from renewing its lease for {renewal_limit:g} s, so the "
            "kernel ended it (SIGALRM). This happens when a call into C code holds Python's "
            "interpreter lock. Run that call in a process of its own (subprocess), split it into "
            "shorter calls, or raise TASKS_LEASE_SECONDS."
        )
    return f"{signal_name(-code)} ended the process.{HINTS.get(-code, '')}"


def signal_name(number: int) -> str:
    """Return the name of a signal, such as SIGKILL. Real-time signals have numbers alone."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"Signal {number}"
