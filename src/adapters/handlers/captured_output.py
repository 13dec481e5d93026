"""What code prints and logs while a task runs, line by line."""

import io
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

KEPT = 2_001
"""Of one line: so much that whoever keeps it sees that it was longer."""
OURS = ("domain.", "application.", "adapters.", "entrypoints.")
"""What this service logs about itself is not the task's."""


@contextmanager
def captured_output(say: Callable[[str], None]) -> Iterator[None]:
    """Within the block `say` gets each line of stdout, stderr and logging, from any thread of this process.

    Logging also goes where it went before. What other programs write, and C code to the descriptors, is not seen.
    """
    stdout, stderr, logged = LineWriter(say), LineWriter(say), LogWriter(say)
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
    """A text stream that keeps no more than the start of one line."""

    encoding = "utf-8"

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._line = ""
        self._lock = threading.RLock()
        self.buffer = ByteWriter(self)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        """For programs that the code starts; what they write is not seen."""
        return 2

    def reconfigure(self, **_: Any) -> None:
        """There is nothing to configure."""

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
        """Says the line so far, if there is any."""
        with self._lock:
            line, self._line = self._line, ""
            if line:
                self._say(line)

    def _extend(self, text: str, start: int, end: int) -> None:
        self._line += text[start : min(end, start + KEPT - len(self._line))]


class ByteWriter(io.RawIOBase):
    """The bytes beneath a LineWriter, for code that writes to sys.stdout.buffer."""

    def __init__(self, text: LineWriter) -> None:
        self._text = text

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._text.write(bytes(data).decode(errors="replace"))
        return len(data)


class LogWriter(logging.Handler):
    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._say = say
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith(OURS):
            try:
                self._say(self.format(record))
            except Exception:
                self.handleError(record)
