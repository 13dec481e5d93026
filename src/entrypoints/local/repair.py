"""Repair the append-only file of the embedded server: cut it off at the first damage."""

import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from entrypoints.local.data_directory import DataDirectory
from entrypoints.local.embedded_redis import EmbeddedRedis
from entrypoints.local.supervisor import popen
from entrypoints.private_files import make_contents_private

POLL_SECONDS = 0.05
STOP_SECONDS = 60.0


class RepairFailed(Exception):
    """The data could not be repaired. The message says why and what to do."""


class Repair:
    def __init__(self, directory: DataDirectory, say: Callable[[str], None]) -> None:
        """The caller has locked the directory. Raises InvalidSettings without a server program."""
        self._redis = EmbeddedRedis(directory.path)
        self._files = directory.path / "appendonlydir"
        self._popen = partial(
            popen, pass_fds=(directory.descriptor,)
        )  # the lock outlives a killed repair
        self._say = say

    def run(self) -> None:
        """Copy and repair the data. Raises RepairFailed. The copy stays in any case."""
        try:
            self._run()
        finally:
            self._redis.discard()

    def _run(self) -> None:
        if not self._files.exists():
            raise RepairFailed(
                f"There are no stored tasks in {str(self._files.parent)!r}. Set TASKS_DATA_DIR to "
                "the folder that "
                "holds them."
            )
        if self._can_be_read():
            self._say(f"Nothing to repair: the server can read the tasks in {str(self._files)!r}.")
            return
        if not self._redis.log.shows_damage:
            raise RepairFailed(
                f"The tasks were not changed. The server cannot start:\n{self._redis.log.explain()}"
            )
        backup = self._back_up()
        self._say(f"Copied the damaged files to {str(backup)!r}.")
        cut = self._cut_files()
        if not self._can_be_read():
            raise RepairFailed(
                f"The tasks cannot be repaired. The server says:\n{self._redis.log.last_lines()}\n"
                f"Restore {str(self._files)!r} from a backup, or remove that folder to start "
                "without tasks."
            )
        self._say(f"Cut {cut} bytes. The changes that were written after the damage are lost.")
        self._say(
            "The server can read the tasks again. Start the service: make run, or task-manager "
            "local"
        )

    def _can_be_read(self) -> bool:
        process = self._redis.start(self._popen)
        try:
            while not self._redis.is_ready():
                if process.poll() is not None:
                    return False
                time.sleep(POLL_SECONDS)
            return True
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)

    def _back_up(self) -> Path:
        """Copy the files into the first folder `appendonlydir.damaged-<n>` that does not exist."""
        number = 1
        while (target := self._files.with_name(f"{self._files.name}.damaged-{number}")).exists():
            number += 1
        try:
            shutil.copytree(self._files, target)
        except (OSError, shutil.Error) as error:
            shutil.rmtree(target, ignore_errors=True)
            raise RepairFailed(
                f"The files cannot be copied to {str(target)!r}: {error}. Nothing was changed."
            ) from error
        make_contents_private(target)
        return target

    def _increments(self) -> list[Path]:
        """Return the files of commands, oldest first.

        A damaged manifest may name files elsewhere; these are left out. The files are checked one
        by one, because the tool of Valkey 9.1 mistakes the base file of a manifest for commands.
        """
        paths = []
        for manifest in self._files.glob("*.manifest"):
            for line in manifest.read_text(errors="replace").splitlines():
                words = line.split()
                if (
                    words[:1] == ["file"]
                    and words[-2:] == ["type", "i"]
                    and Path(words[1]).name == words[1]
                ):
                    paths.append(self._files / words[1])
        return [path for path in paths if path.is_file()]

    def _cut_files(self) -> int:
        """Cut off the first damaged file and empty the later ones, which build on it.

        Returns the number of bytes cut.
        """
        cut = 0
        for path in self._increments():
            before = path.stat().st_size
            if cut:
                path.write_bytes(b"")
            elif before:
                self._redis.fix(path)
            cut += before - path.stat().st_size
        return cut
