"""Look at Redis as an operator would: why it cannot be used, and what it tells of itself."""

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

import redis

from adapters.redis import keys
from adapters.redis.effects import Effects
from adapters.redis.failures import PIPELINE_PREFIX, is_access_refusal
from adapters.redis.replies import milliseconds
from adapters.redis.save_script import SaveScript
from adapters.redis.sentinels import MasterUnknown
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
LOGIN_MISSING = ("Authentication required", "HELLO must be called with the client already auth")
"""Parts of the replies of a server that wants a password and got none."""
WRONG_DATABASE = ("Invalid Database", "DB index is out of range")
DISK_REFUSAL = "MISCONF"
"""Begin of the reply to a PING and to writes while the server cannot write to its files."""
UNCLEAR = {
    ConnectionFault.CERTIFICATE_REFUSED,
    ConnectionFault.NO_REPLY,
    ConnectionFault.OTHER,
}
"""Faults that may come from TLS on one side only."""


class RedisStoreInspection(StoreInspection):
    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._save = SaveScript(store)
        self._read = store.script("read", writes=False)

    def connect(self) -> None:
        try:
            with self._store.client() as client:
                client.ping()
        except (StoreUnavailable, redis.RedisError) as error:
            cause = error.__cause__ if isinstance(error, StoreUnavailable) else error
            if not str(cause).startswith(DISK_REFUSAL):  # so replies a server with a full disk
                raise self._unreachable(cause or error) from error

    def server(self) -> ServerFacts:
        with self._store.client() as client:
            info = client.info()
        product = "Valkey" if "valkey_version" in info else "Redis"
        written = [info.get("aof_last_write_status"), info.get("aof_last_bgrewrite_status")]
        return ServerFacts(
            product=product,
            version=tuple(map(int, re.findall("[0-9]+", str(info["redis_version"]))[:3])),
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
        with self._store.client() as client:
            pool = client.connection_pool
        is_secured = issubclass(pool.connection_class, redis.SSLConnection)
        fault, address = fault_of(error), pool.connection_kwargs
        if fault in UNCLEAR and "host" in address:
            place = (address["host"], address.get("port", 6379))
            if is_secured and speaks_plainly(place):
                fault = ConnectionFault.NO_TLS_THERE
            elif not is_secured and speaks_tls(place):
                fault = ConnectionFault.TLS_WANTED
        return StoreUnreachable(fault, str(error) or type(error).__name__)


def fault_of(error: BaseException) -> ConnectionFault:
    """Classify an error of connecting, or of the first command."""
    if isinstance(error, MasterUnknown):
        return ConnectionFault.NO_MASTER
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError):
            return ConnectionFault.CERTIFICATE_REFUSED
        if isinstance(cause, socket.gaierror):
            return ConnectionFault.UNKNOWN_HOST
        if isinstance(cause, ConnectionRefusedError | FileNotFoundError):
            return ConnectionFault.NOTHING_LISTENS
    if isinstance(error, redis.BusyLoadingError):
        return ConnectionFault.LOADING
    if any(each in str(error) for each in LOGIN_MISSING):
        return ConnectionFault.LOGIN_MISSING
    if is_access_refusal(error):
        return ConnectionFault.LOGIN_REFUSED
    if any(each in str(error) for each in WRONG_DATABASE):
        return ConnectionFault.WRONG_DATABASE
    if isinstance(error, redis.TimeoutError):
        return ConnectionFault.NO_REPLY
    return ConnectionFault.OTHER


def speaks_plainly(place: tuple[str, int]) -> bool:
    """Return whether a server replies to a PING without TLS and without credentials.

    A server without TLS waits for the rest of a command when it gets a TLS handshake.
    """
    with suppress(OSError), socket.create_connection(place, PROBE_SECONDS) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(1) in (b"+", b"-")
    return False


def speaks_tls(place: tuple[str, int]) -> bool:
    """Return whether a server answers a TLS handshake, whatever its certificate.

    Nothing is sent over the connection: it is only to say why one without TLS was closed.
    """
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with suppress(OSError), socket.create_connection(place, PROBE_SECONDS) as connection:
        try:
            context.wrap_socket(connection).close()
        except ssl.SSLError as error:
            return "ALERT" in str(error)
        return True
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
    if text.startswith(DISK_REFUSAL):
        return ScriptsRefused(ScriptFault.DISK, text)
    return ScriptsRefused(ScriptFault.OTHER, text)
