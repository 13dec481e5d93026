"""Logs: a sentence, a stable action word and what it is about; JSON, or readable where a person reads along."""

import logging
import sys
from typing import Any

import structlog

from entrypoints.control_characters import escape_controls, escape_line, unescaped

MULTILINE = {"exception", "stack"}
OURS_SAY_MORE = (
    "celery.apps.worker",
    "celery.worker.consumer.connection",
    "celery.worker.strategy",
    "celery.app.trace",
)
"""Loggers of Celery whose INFO lines our own lines make superfluous."""


def configure_logging(process: str) -> None:
    """Everything that any library logs goes to standard error in one form. Control characters in it are escaped."""
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
    for name in OURS_SAY_MORE:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("celery.worker.request").setLevel(logging.CRITICAL)  # a token of a killed child is no loss


def _renderers(*, on_terminal: bool) -> list[structlog.typing.Processor]:
    """Escape values before the console's renderer adds its colours. JSON lacks only the escape of DEL."""
    if on_terminal:
        return [_escape_values, structlog.dev.ConsoleRenderer()]
    return [structlog.processors.JSONRenderer(), _escape_rendered]


def _escape_values(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Only a traceback keeps its line ends: any other value could forge a line."""
    return {
        name: (escape_controls if name in MULTILINE else escape_line)(value) if isinstance(value, str) else value
        for name, value in event.items()
    }


def _escape_rendered(_: Any, __: str, line: Any) -> str:
    return escape_controls(line)
