"""Make clients of Redis: the one place that configures connections."""

from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from adapters.redis.patient_socket import CONNECT_SECONDS, patient_connection

TIMEOUT_SECONDS = 1.0
BLOCKING_TIMEOUT_SECONDS = 10.0


def connect(url: str, *, patient: bool = False) -> redis.Redis:
    """Return a client that never retries by itself.

    redis-py 8 repeats each command 10 times by default, also scripts that may have run already.
    A patient client gives up when the server is silent, any other after 1 second for a call.
    """
    if patient:
        kind = patient_connection(url)
        return _client(
            url, TIMEOUT_SECONDS, connection_class=kind, socket_connect_timeout=CONNECT_SECONDS
        )
    return _client(url, TIMEOUT_SECONDS)


def connect_blocking(url: str) -> redis.Redis:
    """Return a client for commands that block for up to 5 seconds."""
    return _client(url, BLOCKING_TIMEOUT_SECONDS)


def _client(url: str, timeout: float, **options: Any) -> redis.Redis:
    # redis-py refuses the keep-alive option for Unix sockets.
    tcp: dict[str, Any] = {} if url.startswith("unix://") else {"socket_keepalive": True}
    defaults = {"socket_timeout": timeout, "socket_connect_timeout": TIMEOUT_SECONDS}
    retry = Retry(NoBackoff(), 0)
    client = redis.Redis.from_url(url, retry=retry, **{**defaults, **options, **tcp})
    client.connection_pool.connection_kwargs["protocol"] = 3  # whatever the URL says
    return client
