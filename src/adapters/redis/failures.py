"""Classify the errors of Redis and translate them to those that the application knows."""

import re
from typing import Any

import redis

from adapters.redis.patient_socket import ConnectionSilent, ServerSilent
from application.errors import StoreFull, StoreUnavailable, StoreUnconfirmed

PIPELINE_PREFIX = re.compile(r"\ACommand # \d+ \(.*?\) of pipeline caused error: ", re.DOTALL)
"""redis-py puts this before the error of a command within a pipeline."""
NOT_MASTER = (redis.ReadOnlyError, redis.exceptions.MasterDownError)
"""Errors of a replica. Another server may be the master, or be it soon."""
REFUSALS = ("MISCONF", "NOREPLICAS", "BUSY", "UNBLOCKED")
"""Error codes of a server that can be reached and cannot work now."""


class ReplicasBehind(redis.RedisError):
    """Too few replicas have confirmed what was written. The master has it."""

    def __init__(self, confirmed: int, wanted: int) -> None:
        super().__init__(confirmed, wanted)
        self.confirmed = confirmed
        self.wanted = wanted

    def __str__(self) -> str:
        return (
            f"{self.confirmed} of {self.wanted} replicas have confirmed the change "
            "(TASKS_REDIS_MIN_REPLICAS)"
        )


def copied(error: Exception) -> Exception:
    """Return an error of its own for a call: one exception cannot be raised in many places."""
    if isinstance(error, ReplicasBehind):
        return ReplicasBehind(error.confirmed, error.wanted)
    if isinstance(error, ServerSilent):
        return ServerSilent()
    copy = (
        redis.ConnectionError(str(error)) if is_lost_connection(error) else type(error)(*error.args)
    )
    copy.__context__ = error.__context__
    return copy


def translate(error: BaseException | None) -> StoreUnavailable | None:
    """Return the error of the application; None for an error that is no failure of the store."""
    if isinstance(error, redis.OutOfMemoryError):
        return StoreFull(str(error))
    if isinstance(error, ReplicasBehind):
        return StoreUnconfirmed(str(error))
    if is_lost_connection(error) or isinstance(error, NOT_MASTER) or _is_refusal(error):
        return StoreUnavailable(str(error))
    return None


def is_lost_connection(error: BaseException | None) -> bool:
    return isinstance(error, redis.ConnectionError | redis.TimeoutError)


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
    if isinstance(reply, (redis.OutOfMemoryError, *NOT_MASTER)):
        return False
    text = str(reply)
    return text.startswith("WRONGTYPE") or ("user_script" in text and not text.startswith(REFUSALS))


def _is_refusal(error: BaseException | None) -> bool:
    if not isinstance(error, redis.ResponseError):
        return False
    return PIPELINE_PREFIX.sub("", str(error), count=1).startswith(REFUSALS)
