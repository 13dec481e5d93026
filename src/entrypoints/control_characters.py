"""Escape characters that could control a terminal or forge a line of output."""

import sys
from collections.abc import Iterable
from io import TextIOWrapper
from typing import Any, TextIO

from task_manager_cli.escaping import escape_controls as escape_controls
from task_manager_cli.escaping import escape_line as escape_line


class EscapingStream:
    """A text stream that escapes control characters in everything that is written to it."""

    def __init__(self, stream: TextIO) -> None:
        self.unescaped = stream

    def write(self, text: str) -> int:
        self.unescaped.write(escape_controls(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unescaped, name)


def escape_output() -> None:
    """Escape the control characters in everything that this process prints from now on.

    So are characters that the encoding of the terminal lacks: they must not end the process.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.stdout, sys.stderr = _escaping(sys.stdout), _escaping(sys.stderr)


def unescaped(stream: TextIO) -> TextIO:
    """Return the stream behind an EscapingStream, for a writer that escapes its own output."""
    return stream.unescaped if isinstance(stream, EscapingStream) else stream


def _escaping(stream: Any) -> Any:
    return (
        stream if stream is None or isinstance(stream, EscapingStream) else EscapingStream(stream)
    )
