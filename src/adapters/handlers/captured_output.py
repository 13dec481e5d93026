"""Pass on what code prints and logs while a task runs, line by line."""

import io
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

MAX_LINE_LENGTH = 2_001
"""Limit on the characters of one line. A task's log holds one less, and so sees the cut."""
SERVICE_LOGGERS = ("domain.", "application.", "adapters.", "entrypoints.")
"""Prefixes of the loggers of this service itself, whose records are not part of a task's log."""


@contextmanager
def captured_output(write_line: Callable[[str], None]) -> Iterator[None]:
    """Call `write_line` with each line of stdout, stderr and logging while the block runs.

    All threads of this process are captured. Log records also reach the handlers that were there
    before. Output of other programs, and of C code that writes to the descriptors, is not captured.
    """
    stdout, stderr = LineWriter(write_line), LineWriter(write_line)
    logged = LogWriter(write_line)
    root = logging.getLogger()
    root.addHandler(logged)
    try:
        with redirect_stdout(stdout), redirect_stderr(stderr):
            yield
    finally:
        root.removeHandler(logged)
        stdout.finish()
        stderr.finish()


class LineWriter(io.TextIOBase):
    """A text stream that passes on whole lines and buffers at most the start of one."""

    encoding = "utf-8"

    def __init__(self, write_line: Callable[[str], None]) -> None:
        self._write_line = write_line
        self._line = ""
        self._lock = threading.RLock()
        self.buffer = ByteWriter(self)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        """Return a descriptor for programs that the code starts. Their output is not captured."""
        return 2

    def reconfigure(self, **_: Any) -> None:
        """Do nothing: code that configures sys.stdout must not fail."""

    def write(self, text: str) -> int:
        with self._lock:
            start = 0
            while (end := text.find("\n", start)) >= 0:
                self._extend(text, start, end)
                self.finish()
                start = end + 1
            self._extend(text, start, len(text))
        return len(text)

    def finish(self) -> None:
        """Pass on the line so far, unless it is empty."""
        with self._lock:
            line, self._line = self._line, ""
            if line:
                self._write_line(line)

    def _extend(self, text: str, start: int, end: int) -> None:
        self._line += text[start : min(end, start + MAX_LINE_LENGTH - len(self._line))]


class ByteWriter(io.RawIOBase):
    """The `buffer` of a LineWriter, for code that writes bytes to sys.stdout.buffer."""

    def __init__(self, text: LineWriter) -> None:
        self._text = text

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._text.write(bytes(data).decode(errors="replace"))
        return len(data)


class LogWriter(logging.Handler):
    """Passes on log records of level INFO and above, except those of this service itself."""

    def __init__(self, write_line: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._write_line = write_line
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith(SERVICE_LOGGERS):
            try:
                self._write_line(self.format(record))
            except Exception:
                self.handleError(record)
