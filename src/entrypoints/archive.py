"""Write an archive of all tasks and schedules, and read one."""

import os
import stat
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import BinaryIO, TextIO

from application.archive_lines import MAX_LINE_BYTES
from application.errors import StoreUnavailable
from application.ports.task_archive import UnreadableTask
from application.use_cases.operations.import_tasks import ImportedLine, Result
from entrypoints.container import build_container
from entrypoints.settings import Settings

SHOW_SECONDS = 1.0
"""Time between two reports of progress on a terminal; ten times as long otherwise."""
MAX_EXPLAINED = 100
"""Lines that are explained one by one. The others are only counted."""
SILENT = {Result.ADDED, Result.EXISTS, Result.QUEUE, Result.REQUEST, Result.REQUEST_EXISTS}
SILENT |= {Result.END, Result.SCHEDULE, Result.SCHEDULE_EXISTS}
OF_TASKS = set(Result) - SILENT - {Result.TOO_MANY_SCHEDULES} | {Result.ADDED, Result.EXISTS}
"""Results of lines that are, or may have been, those of tasks."""
Say = Callable[[str], None]


class Progress:
    """Prints how far the work is, at most once a second."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._pause = SHOW_SECONDS * (1 if self._is_terminal else 10)
        self._shown_at = time.monotonic()

    def show(self, text: str) -> None:
        now = time.monotonic()
        if now - self._shown_at >= self._pause:
            self._shown_at = now
            end = "\r" if self._is_terminal else "\n"
            print(text.ljust(60 * self._is_terminal), end=end, file=self._stream, flush=True)

    def say(self, text: str) -> None:
        print(text.ljust(60 * self._is_terminal), file=self._stream, flush=True)


def export_tasks(settings: Settings, out: BinaryIO) -> int:
    """Write the archive. Returns the exit code: 1 if it is not complete. Raises StoreTooNew."""
    container = build_container(settings)
    use_case = container.export_tasks()
    progress = Progress(sys.stderr)
    _warn_of_readers(out, progress.say)
    written = unreadable = 0
    try:
        container.claim_layout().require_readable()
        total = use_case.total()
        for found in use_case.execute():
            if isinstance(found, UnreadableTask):
                unreadable += 1
                if unreadable <= MAX_EXPLAINED:
                    progress.say(f"Task {found.task_id} cannot be read: {found.reason}")
                continue
            out.write(found.encode() + b"\n")
            written += 1
            progress.show(f"{written:,} lines, of about {total or 0:,} tasks")
        out.flush()
    except StoreUnavailable as error:
        progress.say(f"Redis cannot be reached: {error.reason}. The archive is not complete.")
        return 1
    except OSError as error:
        progress.say(
            f"The archive cannot be written: {error.strerror or error}. It is not complete."
        )
        return 1
    tasks = f"{unreadable:,} tasks could not be read." if unreadable else "It is complete."
    progress.say(f"The archive has {written:,} lines. {tasks}")
    return 1 if unreadable else 0


def import_tasks(settings: Settings, lines: BinaryIO, *, requeue_running: bool) -> int:
    """Read an archive. Returns the exit code: 1 if anything of it was left out."""
    use_case = build_container(settings).import_tasks()
    progress, counts, explained = Progress(sys.stderr), Counter[Result](), 0
    said = code = 0
    try:
        for line in use_case.execute(numbered(lines), requeue_running=requeue_running):
            counts[line.result] += 1
            said += line.tasks
            if line.result not in SILENT:
                explained += 1
                if explained <= MAX_EXPLAINED:
                    progress.say(explanation(line))
            progress.show(_numbers(counts))
    except StoreUnavailable as error:
        progress.say(f"Redis cannot be reached: {error.reason}. Repeat the command: it goes on.")
        code = 1
    except KeyboardInterrupt:
        progress.say("Interrupted. Repeat the command: it goes on where it was broken off.")
        code = 130
    progress.say(_numbers(counts))
    if explained > MAX_EXPLAINED:
        progress.say(f"{explained - MAX_EXPLAINED:,} more lines were left out, counted above.")
    if not code and not counts[Result.END]:
        progress.say("The archive has no last line: its export was broken off, or it was cut.")
        code = 1
    elif not code and (found := sum(counts[result] for result in OF_TASKS)) < said:
        progress.say(
            f"The archive should have {said:,} tasks. {said - found:,} of them are missing."
        )
        code = 1
    return code or (1 if explained else 0)


def numbered(lines: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield each line that is not empty with its number, and only the start of a too long one."""
    number = 0
    while line := lines.readline(MAX_LINE_BYTES + 2):
        number += 1
        rest = line
        while not rest.endswith(b"\n") and (rest := lines.readline(2**20)):
            pass  # the rest of a line that is too long
        if line.strip():
            yield number, line


def explanation(line: ImportedLine) -> str:
    what = f"task {line.task_id}" if line.task_id else str(line.result)
    return f"Line {line.number}: left out, {what}: {line.reason}."


def _numbers(counts: Counter[Result]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in counts.items() if name != Result.END)


def _warn_of_readers(out: BinaryIO, say: Say) -> None:
    """Warn if other users can read the file: it has the payloads and results of all tasks."""
    try:
        status = os.fstat(out.fileno())
    except OSError:
        return
    if stat.S_ISREG(status.st_mode) and stat.S_IMODE(status.st_mode) & 0o077:
        say(
            "Other users can read this file, which has the payloads and results of all tasks. "
            "Make it private with chmod 600, or set umask 077 before."
        )
