"""Proves that a worker of this host is dead: its children inherit the lock of a file."""

import fcntl
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SUFFIX = ".lock"
OFD_SETLK: int | None = getattr(fcntl, "F_OFD_SETLK", None)
"""None off Linux."""
WHOLE_FILE = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
"""struct flock of fcntl(2) on 64-bit Linux."""
NO_LOCK = struct.pack("hhqqi4x", fcntl.F_UNLCK, os.SEEK_SET, 0, 0, 0)
RETRY_SECONDS = 0.02


class NodeLock:
    """Holds two locks of one open file.

    They are free only when the parent and all its children are gone.

    The locks are flock(2) and, on Linux, F_OFD_SETLK of fcntl(2). A handler may call flock or lockf
    with LOCK_UN on the descriptor that its process inherited; that gives up the first lock alone.

    The name of the file contains the worker and the boot of the host. A restarted host, or another
    host that shares the folder, so has other files.
    """

    def __init__(self, directory: Path, incarnation: str) -> None:
        self._directory = directory
        self._path = directory / f"{incarnation}@{_boot_id()}{SUFFIX}"
        self._descriptor: int | None = None

    def take(self) -> None:
        """Take the locks.

        Call before the first child is forked. Only the death of all processes frees them.

        Another worker may see the new file before it is locked, and remove it: then try again.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        while self._descriptor is None:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if self._is_locked(descriptor):
                self._descriptor = descriptor
            else:
                os.close(descriptor)
                time.sleep(RETRY_SECONDS)

    def _is_locked(self, descriptor: int) -> bool:
        """Lock the file. Returns False if another process has it, or has removed its name."""
        try:
            _lock(descriptor)
            return os.path.samestat(self._path.stat(), os.fstat(descriptor))
        except (BlockingIOError, FileNotFoundError):
            return False

    def discard(self) -> None:
        """Remove the file. Call when this worker has ended or handed back all its runs."""
        self._path.unlink(missing_ok=True)

    def dead(self) -> Iterator[str]:
        """Yield the incarnations of other workers of this host that are proven dead.

        Each stays locked until the caller asks for the next one, and its file is removed then. The
        file stays if the caller raises.
        """
        for path in sorted(self._directory.glob(f"*@{_boot_id()}{SUFFIX}")):
            if path != self._path:
                with _locked(path) as free:
                    if free:
                        yield path.name.removesuffix(f"@{_boot_id()}{SUFFIX}")
                        path.unlink(missing_ok=True)


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield False
        return
    try:
        _lock(descriptor)
        yield True
    except BlockingIOError:
        yield False
    finally:
        _unlock(descriptor)
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    """Raises BlockingIOError when another open file has one of the locks."""
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if OFD_SETLK is not None:
        fcntl.fcntl(descriptor, OFD_SETLK, WHOLE_FILE)


def _unlock(descriptor: int) -> None:
    """Give up the locks. A child that was forked meanwhile has the descriptor, and so the locks."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    if OFD_SETLK is not None:
        fcntl.fcntl(descriptor, OFD_SETLK, NO_LOCK)


def _boot_id() -> str:
    """Return an id that changes with each start of the host; off Linux, the name of the host."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return os.uname().nodename
