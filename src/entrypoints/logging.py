"""Log lines: a sentence, a stable `action` word and its context.

They are JSON, or readable text on a terminal.
"""

import logging
import sys
from typing import Any

import structlog

from entrypoints.control_characters import escape_controls, escape_line, unescaped

MULTILINE = {"exception", "stack"}
QUIET = {
    "celery.apps.worker": logging.WARNING,
    "celery.worker.consumer.connection": logging.WARNING,
    "celery.worker.consumer.consumer": logging.ERROR,
    "celery.worker.strategy": logging.WARNING,
    "celery.worker.request": logging.CRITICAL,  # losing the wake-up of a killed child does no harm
    "celery.app.trace": logging.WARNING,
    "kombu.transport.virtual.base": logging.ERROR,
    "opentelemetry.exporter.otlp.proto.http.trace_exporter": logging.CRITICAL,
    "opentelemetry.sdk._shared_internal": logging.CRITICAL,
    "opentelemetry.util.re": logging.CRITICAL,  # logs a header that it cannot read, with its secret
}
"""The levels of libraries' loggers. Our own lines replace what is logged below these levels."""


def configure_logging(process: str) -> None:
    """Send all log lines, also those of libraries, to standard error in one form.

    Control characters in them are escaped.
    """
    handler = logging.StreamHandler(unescaped(sys.stderr))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.ExtraAdder(),
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                lambda _, __, event: {**event, "process": process},
                structlog.processors.format_exc_info,
                *_renderers(on_terminal=sys.stderr.isatty()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(level)


def _renderers(*, on_terminal: bool) -> list[structlog.typing.Processor]:
    """Return the renderer and a processor that escapes control characters.

    On a terminal the values are escaped before the renderer adds its colours. JSON is escaped
    afterwards, since its renderer leaves only DEL as it is.
    """
    if on_terminal:
        return [_escape_values, structlog.dev.ConsoleRenderer()]
    return [structlog.processors.JSONRenderer(), _escape_rendered]


def _escape_values(
    _: Any, __: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Escape all values. Only a traceback keeps its newlines: another value could forge a line."""
    return {
        name: (escape_controls if name in MULTILINE else escape_line)(value)
        if isinstance(value, str)
        else value
        for name, value in event.items()
    }


def _escape_rendered(_: Any, __: str, line: Any) -> str:
    return escape_controls(line)
