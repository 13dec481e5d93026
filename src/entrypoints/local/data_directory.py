"""Lock the data directory for one running stack."""

import errno
import fcntl
import os
from pathlib import Path

from entrypoints.private_files import is_shared, make_contents_private, make_private
from entrypoints.settings import InvalidSettings

OWN_FILES = ("lock", "server.log", "redis.sock", "redis.url", "appendonlydir", "workers")


class DataDirectory:
    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._descriptor: int | None = None

    @property
    def descriptor(self) -> int:
        """The descriptor of the lock. A process that inherits it holds the lock."""
        if self._descriptor is None:
            raise RuntimeError("the data directory is not locked")
        return self._descriptor

    def lock(self) -> None:
        """Lock the folder, and make it and the service's files in it private.

        The lock lasts as long as this process, or a process that inherits it, lives.
        Raises InvalidSettings if another stack uses the folder, if it belongs to another user, or
        if it cannot be written to.
        """
        try:
            make_private(self._checked())
            make_contents_private(*(self.path / name for name in OWN_FILES))
            self._descriptor = self._locked()
        except OSError as error:
            advice = (
                "Free some space"
                if error.errno == errno.ENOSPC
                else "Set it to a folder that you may write to"
            )
            raise self._unusable(f"which cannot be used: {error.strerror}. {advice}.") from error

    def _locked(self) -> int:
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode() or "unknown"
            os.close(descriptor)
            raise self._unusable(
                f"which another running stack uses (process {holder}). "
                "Stop that one, or set TASKS_DATA_DIR to another folder."
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        return descriptor

    def _checked(self) -> Path:
        """Return the path. Raises InvalidSettings if other users need access to the folder."""
        if not self.path.exists():
            return self.path
        status = self.path.stat()
        if status.st_uid != os.geteuid():
            raise self._unusable(
                f"which belongs to user {status.st_uid}, not to you (user {os.geteuid()}). "
                "Set it to a folder of your own."
            )
        if is_shared(status):
            raise self._unusable(
                "which is shared with other users (its sticky bit is set). Set it to a folder "
                "inside of it."
            )
        return self.path

    def _unusable(self, why: str) -> InvalidSettings:
        return InvalidSettings([f"TASKS_DATA_DIR is {str(self.path)!r}, {why}"])
