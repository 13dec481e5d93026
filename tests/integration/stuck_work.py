"""Handlers that stop, starve or bloat their own process."""

import ctypes
import os
import signal
import time
from pathlib import Path
from typing import Any


def process_id() -> int:
    """Return the id of the process that runs this."""
    return os.getpid()


def stop_itself(times: int, *, context: Any) -> int:
    """Stop the process during the first runs; return the attempt."""
    if context.attempt <= times:
        os.kill(os.getpid(), signal.SIGSTOP)
    return int(context.attempt)


def ask_at_the_terminal() -> str:
    """Read a line from the terminal that the process belongs to."""
    with Path("/dev/tty").open() as terminal:
        return terminal.readline()


def read_stdin() -> str:
    """Read all of the standard input."""
    with Path("/dev/stdin").open() as stdin:
        return stdin.read()


def hold_the_interpreter(seconds: float, *, take_the_timer: bool = False) -> None:
    """Sleep in C with the GIL held. With `take_the_timer`, first disarm the timer of the lease."""
    if take_the_timer:
        signal.setitimer(signal.ITIMER_REAL, 0)
    ctypes.PyDLL(None).usleep(int(seconds * 1_000_000))


def exit_with(code: int) -> None:
    """Leave the process without a result."""
    os._exit(code)


def grow(megabytes: int) -> int:
    """Keep memory after the run; return the id of the process."""
    KEPT.append(bytearray(os.urandom(1)) * (megabytes << 20))
    return os.getpid()


KEPT: list[bytearray] = []


def wait(seconds: float) -> None:
    """Wait."""
    time.sleep(seconds)


def hold(gate: str) -> None:
    """Run until the file of the gate exists."""
    while not Path(gate).exists():
        time.sleep(0.02)
