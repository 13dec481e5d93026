"""Make clients of Redis: the one place that configures connections."""

from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.connection import Connection, ConnectionPool, parse_url
from redis.retry import Retry

from adapters.redis.patient_socket import CONNECT_SECONDS, patient_connection
from adapters.redis.sentinels import connection_to_master
from application.sentinel_url import SentinelUrl

TIMEOUT_SECONDS = 1.0
BLOCKING_TIMEOUT_SECONDS = 10.0


def connect(url: str, *, patient: bool = False) -> redis.Redis:
    """Return a client that never retries by itself.

    redis-py 8 repeats each command 10 times by default, also scripts that may have run already.
    A patient client gives up when the server is silent, any other after 1 second for a call.
    """
    kind = kind_of_connection(url)
    if patient:
        kind = patient_connection(kind)
        return _client(url, kind, TIMEOUT_SECONDS, socket_connect_timeout=CONNECT_SECONDS)
    return _client(url, kind, TIMEOUT_SECONDS)


def connect_blocking(url: str) -> redis.Redis:
    """Return a client for commands that block for up to 5 seconds."""
    return _client(url, kind_of_connection(url), BLOCKING_TIMEOUT_SECONDS)


def kind_of_connection(url: str) -> type[Any]:
    """Return the class of connections to a URL: by TCP, TLS, a Unix socket, or by sentinels."""
    if SentinelUrl.matches(url):
        return connection_to_master(SentinelUrl.parse(url))
    options: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]  # it has no types
    kind: type[Any] = options.get("connection_class", Connection)
    return kind


def _client(url: str, kind: type[Any], timeout: float, **options: Any) -> redis.Redis:
    # redis-py refuses the keep-alive option for Unix sockets.
    tcp: dict[str, Any] = {} if url.startswith("unix://") else {"socket_keepalive": True}
    options = {
        "connection_class": kind,
        "retry": Retry(NoBackoff(), 0),
        "socket_timeout": timeout,
        "socket_connect_timeout": TIMEOUT_SECONDS,
        **options,
        **tcp,
    }
    if SentinelUrl.matches(url):
        client = redis.Redis.from_pool(ConnectionPool(**options))
    else:
        client = redis.Redis.from_url(url, **options)
    client.connection_pool.connection_kwargs["protocol"] = 3  # whatever the URL says
    return client
