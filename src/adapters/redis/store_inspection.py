"""Look at Redis as an operator would: why it cannot be used, and what it tells of itself."""

import socket
import ssl
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import redis

from adapters.redis import keys
from adapters.redis.effects import Effects
from adapters.redis.failures import PIPELINE_PREFIX, is_access_refusal
from adapters.redis.replies import milliseconds
from adapters.redis.save_script import SaveScript
from adapters.redis.store import RedisStore
from adapters.redis.task_codec import instant
from application.errors import StoreUnavailable
from application.ports.store_inspection import (
    ConnectionFault,
    ScriptFault,
    ScriptsRefused,
    ServerFacts,
    StoreInspection,
    StoreUnreachable,
)

PROBE_SECONDS = 1.0


class RedisStoreInspection(StoreInspection):
    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._save = SaveScript(store)
        self._read = store.script("read", writes=False)

    def connect(self) -> None:
        try:
            with self._store.client() as client:
                client.ping()
        except StoreUnavailable as error:
            raise self._unreachable(error.__cause__ or error) from error
        except redis.RedisError as error:
            raise self._unreachable(error) from error

    def server(self) -> ServerFacts:
        with self._store.client() as client:
            info = client.info()
        product = "Valkey" if "valkey_version" in info else "Redis"
        written = [info.get("aof_last_write_status"), info.get("aof_last_bgrewrite_status")]
        return ServerFacts(
            product=product,
            version=tuple(int(part) for part in str(info["redis_version"]).split(".")),
            is_replica=info["role"] != "master",
            has_write_error="err" in written,
        )

    def time(self) -> datetime:
        with self._store.client() as client:
            return instant(milliseconds(client.time()))

    def try_scripts(self) -> None:
        try:
            self._read([keys.EVENTS], [])
            self._save.run(Effects())
        except (StoreUnavailable, redis.ResponseError) as error:
            raise _refused(error.__cause__ or error) from error

    def _unreachable(self, error: BaseException) -> StoreUnreachable:
        fault = fault_of(error)
        with self._store.client() as client:
            address = client.connection_pool.connection_kwargs
        if fault is ConnectionFault.OTHER and speaks_tls(address):
            fault = ConnectionFault.TLS_WANTED
        return StoreUnreachable(fault, str(error) or type(error).__name__)


def fault_of(error: BaseException) -> ConnectionFault:
    """Classify an error of connecting, or of the first command."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return ConnectionFault.CERTIFICATE_REFUSED
        if isinstance(cause, ssl.SSLError):
            return ConnectionFault.NO_TLS_THERE
        if isinstance(cause, socket.gaierror):
            return ConnectionFault.UNKNOWN_HOST
        if isinstance(cause, ConnectionRefusedError | FileNotFoundError):
            return ConnectionFault.NOTHING_LISTENS
    if isinstance(error, redis.BusyLoadingError):
        return ConnectionFault.LOADING
    if "NOAUTH" in str(error) or "called without any password" in str(error):
        return ConnectionFault.LOGIN_MISSING
    if is_access_refusal(error):
        return ConnectionFault.LOGIN_REFUSED
    if isinstance(error, redis.TimeoutError):
        return ConnectionFault.NO_REPLY
    if "DB index is out of range" in str(error):
        return ConnectionFault.WRONG_DATABASE
    return ConnectionFault.OTHER


def speaks_tls(address: Any) -> bool:
    """Return whether a server completes a TLS handshake there, whatever its certificate.

    Nothing is sent over the connection: it is only to say why one without TLS was closed.
    """
    if "host" not in address:
        return False
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    place = (address["host"], address.get("port", 6379))
    try:
        with (
            socket.create_connection(place, PROBE_SECONDS) as connection,
            context.wrap_socket(connection),
        ):
            return True
    except ssl.SSLError as error:
        return "CERTIFICATE_REQUIRED" in str(error) or "HANDSHAKE_FAILURE" in str(error)
    except OSError:
        return False


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _refused(error: BaseException) -> ScriptsRefused:
    text = PIPELINE_PREFIX.sub("", str(error), count=1)
    if is_access_refusal(error) or "NOPERM" in text or "ACL failure" in text:
        return ScriptsRefused(ScriptFault.FORBIDDEN, text)
    if isinstance(error, redis.ReadOnlyError):
        return ScriptsRefused(ScriptFault.READ_ONLY, text)
    if isinstance(error, redis.OutOfMemoryError):
        return ScriptsRefused(ScriptFault.MEMORY, text)
    if text.startswith("MISCONF"):
        return ScriptsRefused(ScriptFault.DISK, text)
    return ScriptsRefused(ScriptFault.OTHER, text)
