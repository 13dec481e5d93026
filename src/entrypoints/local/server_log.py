"""Read the log of the embedded server, and explain why the server ended."""

import re
import shlex
import shutil
import sys
from pathlib import Path

LINES = 3
MAX_BYTES = 65_536
MEBIBYTE = 2**20
PROGRAM = "task-manager"
LINE = re.compile(r"^\d+:\w \d+ \w+ \d+ [\d:.]+ # (?!WARNING)", re.ASCII)
DAMAGED = re.compile(
    r"Bad file format|Unexpected end of file|Unrecoverable error reading|Error reading the append "
    r"only file"
    r"|AOF MANIFEST|Internal error in RDB|RDB CRC|Unable to obtain the AOF file"
)
NEWER = re.compile(r"Can't handle RDB format version")
FULL = re.compile(r"No space left on device|Disk quota exceeded")
FORBIDDEN = re.compile(r"Permission denied|Operation not permitted|Read-only file system")


class ServerLog:
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = directory / "server.log"
        self._begin = 0

    def begin(self) -> None:
        """Ignore everything that is in the log so far."""
        self._begin = self._path.stat().st_size if self._path.exists() else 0

    @property
    def shows_damage(self) -> bool:
        """True if the log says that the server could not read its data."""
        return bool(DAMAGED.search(" ".join(self._lines())))

    def explain(self) -> str:
        """Return the server's last lines since `begin`, and what to do about them."""
        return f"{self.last_lines()}\n{self._advice(' '.join(self._lines()))}"

    def last_lines(self) -> str:
        """Return the server's last lines since `begin`."""
        return "\n".join(f"  {line}" for line in self._lines()[-LINES:]) or "  (nothing was logged)"

    def _lines(self) -> list[str]:
        try:
            with self._path.open("rb") as log:
                log.seek(max(self._begin, self._path.stat().st_size - MAX_BYTES))
                text = log.read().decode(errors="replace")
        except OSError:
            return []
        lines = [
            LINE.sub("", line).strip() for line in text.splitlines() if "# WARNING" not in line
        ]
        return [line for line in lines if line]

    def _advice(self, text: str) -> str:
        folder = str(self._directory)
        try:
            free = shutil.disk_usage(folder).free
        except OSError as error:
            return f"The folder {folder!r} cannot be used: {error.strerror}."
        if free < MEBIBYTE or FULL.search(text):  # the log may be empty on a full disk
            return (
                f"The disk is full: {free // MEBIBYTE} MiB are free at {folder!r}. Free some "
                "space, then start again."
            )
        if NEWER.search(text):
            return (
                f"A newer server wrote the data in {folder!r}. Install that version of the "
                "server again."
            )
        if DAMAGED.search(text):
            return (
                f"The stored tasks in {folder!r} are damaged. Repair them:\n  "
                f"{self._repair_command()}"
            )
        if FORBIDDEN.search(text):
            return (
                f"A file in {folder!r} cannot be written to. Make the user who runs this "
                "command its owner."
            )
        return f"The whole log is in {str(self._path)!r}."

    def _repair_command(self) -> str:
        """Return a command with the path of this program, which need not be on the PATH."""
        called = sys.argv[0] if Path(sys.argv[0]).name == PROGRAM else PROGRAM
        return f"TASKS_DATA_DIR={shlex.quote(str(self._directory))} {shlex.quote(called)} repair"
