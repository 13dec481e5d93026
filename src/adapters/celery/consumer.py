"""A Celery consumer that reconnects within two seconds after Redis is back."""

import logging
import warnings
from typing import Any

from celery.exceptions import CPendingDeprecationWarning
from celery.worker.consumer import Consumer
from celery.worker.state import maybe_shutdown
from kombu import Connection

RECONNECT_SECONDS: dict[str, Any] = {"interval_start": 0.5, "interval_step": 0.5, "interval_max": 2}
"""Celery's own pauses are 2, 4, 6 … 30 s and cannot be set."""
FOR_EVER: Any = None

logger = logging.getLogger(__name__)


class QuickReconnectConsumer(Consumer):
    """Celery's consumer with short pauses between attempts to connect, and a log line for each."""

    def ensure_connected(self, conn: Connection) -> Connection:
        """Retry until the connection stands or the worker is told to stop."""

        def report(error: Exception, interval: float) -> None:
            reason = str(error).rstrip(".")
            logger.warning(
                "Cannot reach Redis: %s. Trying again in %s s.",
                reason,
                interval,
                extra={"action": "reconnect"},
            )

        connection = conn.ensure_connection(
            report, FOR_EVER, callback=maybe_shutdown, **RECONNECT_SECONDS
        )
        self.first_connection_attempt = False
        return connection

    def on_connection_error_before_connected(self, exc: Any) -> None:
        logger.warning("Cannot reach Redis: %s", exc, extra={"action": "reconnect"})

    def on_connection_error_after_connected(self, exc: Any) -> None:
        logger.warning("The connection to Redis is lost: %s", exc, extra={"action": "reconnect"})
        with warnings.catch_warnings():
            # about worker_cancel_long_running_tasks_on_connection_loss, which is off on purpose
            warnings.simplefilter("ignore", CPendingDeprecationWarning)
            super().on_connection_error_after_connected(exc)
