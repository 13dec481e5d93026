"""Tell apart what the runs of one process print and log, by their context variables.

The tasks that a run creates inherit its context, and so do the threads of asyncio.to_thread.
"""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from adapters.handlers.captured_output import LineWriter, LogWriter

_writers: ContextVar[LineWriter | None] = ContextVar("writers", default=None)
_log_writer: ContextVar[LogWriter | None] = ContextVar("log_writer", default=None)


class _Switch:
    """A text stream that is that of the run whose code uses it."""

    def __init__(self, otherwise: Any) -> None:
        self._otherwise = otherwise

    def __getattr__(self, name: str) -> Any:
        return getattr(_writers.get() or self._otherwise, name)


class _RunLogHandler(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.INFO)

    def emit(self, record: logging.LogRecord) -> None:
        writer = _log_writer.get()
        if writer is not None:
            writer.emit(record)


def separate_outputs() -> None:
    """Call once, before the first run of this process."""
    sys.stdout, sys.stderr = _Switch(sys.stdout), _Switch(sys.stderr)
    logging.getLogger().addHandler(_RunLogHandler())


@contextmanager
def output_of_run(write_line: Callable[[str], None]) -> Iterator[None]:
    """Call `write_line` with each line of stdout, stderr and logging of this context."""
    writer = LineWriter(write_line)
    _writers.set(writer)
    _log_writer.set(LogWriter(write_line))
    try:
        yield
    finally:
        writer.finish()
