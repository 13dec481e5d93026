"""Refuse calls at once while the store is unavailable, until a probe reaches it again."""

import logging
import threading
import time
from typing import Any

import redis

from adapters.redis.failures import outage_cause
from adapters.redis.patient_socket import ServerSilent
from application.errors import StoreUnavailable

PROBE_INTERVAL_SECONDS = 0.1

logger = logging.getLogger(__name__)


class CircuitBreaker:
    def __init__(self, client: Any) -> None:
        self._client = client
        self._lock = threading.Lock()
        self.unavailable_reason: str | None = None
        """The last error while calls are refused; None while they are made."""

    def check(self) -> None:
        """Raises StoreUnavailable while calls are refused."""
        if self.unavailable_reason is not None:
            raise StoreUnavailable(self.unavailable_reason)

    def open(self, error: redis.RedisError) -> None:
        """Refuse calls from now on, and probe the store in the background."""
        with self._lock:
            if self.unavailable_reason is not None:
                return
            self.unavailable_reason = str(error)
        probe = threading.Thread(target=self._probe, args=(error,), name="redis-probe", daemon=True)
        probe.start()

    def _probe(self, error: redis.RedisError) -> None:
        began, logged = time.monotonic(), None
        while self.unavailable_reason is not None:
            if (cause := outage_cause(error)) != logged:
                logger.warning(
                    "The store is unavailable: %s (%s). Calls are refused until it replies.",
                    cause.replace("_", " "),
                    error,
                    extra={"action": "store_away", "cause": cause},
                )
                logged = cause
            if isinstance(error, ServerSilent):  # idle connections may be dead as well
                self._client.connection_pool.disconnect(inuse_connections=False)
            try:
                self._client.ping()
                self.unavailable_reason = None
            except redis.RedisError as again:
                error = again
                self.unavailable_reason = str(error)
                time.sleep(PROBE_INTERVAL_SECONDS)
        seconds = time.monotonic() - began
        logger.warning("The store is back after %.1f s.", seconds, extra={"action": "store_back"})
