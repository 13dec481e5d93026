"""Free TCP ports, each for one test process of this machine alone.

A port that the kernel chose (bind to 0, then close) is free for everybody again before the service
binds it, and the kernel may give it to any outgoing connection. These ports are outside of the
range from which the kernel chooses, and a lock keeps each from other test processes until this
one ends.
"""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

LOWEST = 10_240
KERNELS_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
KERNELS_LOWEST_ELSEWHERE = 32_768

_random = random.SystemRandom()  # pytest-randomly seeds the common one alike in each process
_locks: list[int] = []
"""File descriptors that hold the locks of this process. Started programs do not inherit them."""


def free_port() -> int:
    """Return an unused port of 127.0.0.1 that this test process alone may use."""
    candidates = range(LOWEST, _lowest_of_the_kernel())
    for port in _random.sample(candidates, len(candidates)):
        if _lock(port):
            if _can_be_bound(port):
                return port
            os.close(_locks.pop())
    raise RuntimeError(f"No port of {LOWEST} to {candidates.stop - 1} is free on 127.0.0.1.")


def _lowest_of_the_kernel() -> int:
    try:
        return int(KERNELS_RANGE.read_text().split()[0])
    except OSError:
        return KERNELS_LOWEST_ELSEWHERE


def _lock(port: int) -> bool:
    """Take the lock of the port. Returns False when another test process, or this one, has it."""
    folder = Path(tempfile.gettempdir(), f"task-manager-test-ports-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(folder / str(port), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    _locks.append(descriptor)
    return True


def _can_be_bound(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
