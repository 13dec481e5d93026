"""Classify the errors of Redis and translate them to those that the application knows."""

import re
from typing import Any

import redis

from adapters.redis.patient_socket import ConnectionSilent, ServerSilent
from application.errors import StoreFull, StoreUnavailable

PIPELINE_PREFIX = re.compile(r"\ACommand # \d+ \(.*?\) of pipeline caused error: ", re.DOTALL)
"""redis-py puts this before the error of a command within a pipeline."""
TRANSIENT = (redis.ReadOnlyError, redis.exceptions.MasterDownError)
REFUSALS = ("MISCONF", "NOREPLICAS", "BUSY", "UNBLOCKED")
"""Error codes of a server that can be reached and cannot work now."""


def translate(error: BaseException | None) -> StoreUnavailable | None:
    """Return the error of the application; None for an error that is no failure of the store."""
    if isinstance(error, redis.OutOfMemoryError):
        return StoreFull(str(error))
    if is_lost_connection(error) or isinstance(error, TRANSIENT) or _is_refusal(error):
        return StoreUnavailable(str(error))
    return None


def is_lost_connection(error: BaseException | None) -> bool:
    return isinstance(error, redis.ConnectionError | redis.TimeoutError)


def is_of_replica(error: BaseException | None) -> bool:
    """Return whether the server refuses because it is a replica, perhaps since a failover.

    Its address may lead to another server then, while connections to this one stay open.
    """
    return isinstance(error, TRANSIENT)


def is_outage(error: BaseException | None) -> bool:
    """Return whether the server cannot be reached, and not only one connection is dead."""
    return is_lost_connection(error) and not isinstance(error, ConnectionSilent)


def outage_cause(error: redis.RedisError) -> str:
    """Return one word for why the store cannot be reached.

    The context of an error of connecting is the error of the socket.
    """
    if isinstance(error, ServerSilent):
        return "server_silent"
    if isinstance(error, redis.TimeoutError):
        return "connect_timed_out"
    if isinstance(error, redis.BusyLoadingError):
        return "server_loading"
    if isinstance(error, redis.AuthenticationError):
        return "login_refused"
    refused = isinstance(error.__context__, ConnectionRefusedError | FileNotFoundError)
    return "connection_refused" if refused else "connection_lost"


def is_access_refusal(error: BaseException | None) -> bool:
    """Return whether the server wants other credentials, or forbids this user the command."""
    return isinstance(error, redis.AuthenticationError | redis.exceptions.NoPermissionError)


def is_damage(reply: Any) -> bool:
    """Return whether this is an error about stored data, such as a key of the wrong type."""
    if not isinstance(reply, redis.ResponseError):
        return False
    if isinstance(reply, (redis.OutOfMemoryError, *TRANSIENT)):
        return False
    text = str(reply)
    return text.startswith("WRONGTYPE") or ("user_script" in text and not text.startswith(REFUSALS))


def _is_refusal(error: BaseException | None) -> bool:
    if not isinstance(error, redis.ResponseError):
        return False
    return PIPELINE_PREFIX.sub("", str(error), count=1).startswith(REFUSALS)
