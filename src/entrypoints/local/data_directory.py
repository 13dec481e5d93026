"""The folder that one running stack has for itself."""

import fcntl
import os
from pathlib import Path

from entrypoints.settings import InvalidSettings


class DataDirectory:
    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._descriptor: int | None = None

    @property
    def descriptor(self) -> int:
        """Of the lock: whoever inherits it holds the lock for as long as it lives."""
        if self._descriptor is None:
            raise RuntimeError("the folder is not locked")
        return self._descriptor

    def lock(self) -> None:
        """For as long as this process lives, or one that inherits the lock.

        Raises InvalidSettings when it is taken or cannot be written.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise InvalidSettings(
                [
                    f"TASKS_DATA_DIR is {str(self.path)!r}, which cannot be used: {error.strerror}. "
                    "Set it to a folder that you may write."
                ]
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode() or "unknown"
            os.close(descriptor)
            raise InvalidSettings(
                [
                    f"TASKS_DATA_DIR is {str(self.path)!r}, which another running stack uses (process {holder}). "
                    "Stop that one, or set TASKS_DATA_DIR to another folder."
                ]
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        self._descriptor = descriptor
