"""Logs: a sentence, a stable action word and what it is about; JSON, or readable where a person reads along."""

import logging
import sys

import structlog


def configure_logging(process: str) -> None:
    """Everything that any library logs goes to standard error in one form."""
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    )
    handler = logging.StreamHandler(sys.stderr)
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
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("celery.worker.strategy").setLevel(logging.WARNING)
    logging.getLogger("celery.worker.request").setLevel(logging.CRITICAL)  # a token of a killed child is no loss
    logging.getLogger("celery.app.trace").setLevel(logging.WARNING)
