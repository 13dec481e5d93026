"""Run Lua scripts by their digest, many in one round trip.

This does without redis-py's commands and pipelines: their bookkeeping costs as much as a worker
spends on an empty task in the domain.
"""

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha1
from importlib import resources
from typing import Any

import redis
from hiredis import pack_command

IDLE_SECONDS = 1.0
"""A kept connection that was idle for this long is checked before reuse."""
COMMON_PARTS = ("shared", "claim")
"""Files that come before every script."""


@dataclass(frozen=True)
class StoredScript:
    source: str

    @cached_property
    def digest(self) -> str:
        """The name by which the server knows the script."""
        return sha1(self.source.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class ScriptCall:
    """A script with its keys and arguments."""

    script: StoredScript
    keys: Sequence[Any]
    arguments: Sequence[Any]

    @property
    def packed(self) -> bytes:
        """The command for a server that knows the script."""
        return self._pack("EVALSHA", self.script.digest)

    @property
    def packed_with_source(self) -> bytes:
        """The command for any server."""
        return self._pack("EVAL", self.script.source)

    def _pack(self, command: str, script: str) -> bytes:
        packed: bytes = pack_command((command, script, len(self.keys), *self.keys, *self.arguments))
        return packed


def load_script(name: str, *, when_full: bool = True, writes: bool = True) -> StoredScript:
    """Return a script of this package.

    With `when_full`, it runs when Redis has no memory left. Without `writes`, it also runs when
    Redis refuses writes, such as after an error of its disk.
    """
    allowed = ["allow-oom"] * when_full + ["no-writes"] * (not writes)
    flags = f" flags={','.join(allowed)}" if allowed else ""
    return StoredScript("\n".join([f"#!lua{flags}", *map(_source, (*COMMON_PARTS, name))]))


class ScriptRunner:
    """Sends calls and reads their replies.

    With `keep_connections`, each thread keeps one connection for good. That is for processes of a
    few threads that live as long as the process: borrowing and checking a connection would cost
    more than an empty task in the domain.
    """

    def __init__(self, client: redis.Redis, *, keep_connections: bool) -> None:
        self._client = client
        self._keep_connections = keep_connections
        self._mine = threading.local()

    def run(self, calls: Sequence[ScriptCall]) -> list[Any]:
        """Return the replies in order, errors of the server among them. Raises RedisError.

        A call of a script that the server does not know yet is made after the others.
        """
        replies = self._exchange([call.packed for call in calls])
        if unknown := _unknown_scripts(replies):
            for source in {calls[at].script.source for at in unknown}:
                self._client.script_load(source)
            self._repeat(unknown, [calls[at].packed for at in unknown], replies)
        if unknown := _unknown_scripts(replies):  # another client has flushed the scripts again
            self._repeat(unknown, [calls[at].packed_with_source for at in unknown], replies)
        return replies

    def _repeat(self, places: Sequence[int], commands: Sequence[bytes], replies: list[Any]) -> None:
        """Send the calls at these places again, and replace their replies."""
        for at, reply in zip(places, self._exchange(commands), strict=True):
            replies[at] = reply

    def _exchange(self, commands: Sequence[bytes]) -> list[Any]:
        """Send commands and read their replies. After an error, close the connection.

        A connection with unread replies would give them to the next call.
        """
        pool: Any = self._client.connection_pool
        connection = self._borrow(pool)
        try:
            connection.send_packed_command([b"".join(commands)])
            return [_read_reply(connection) for _ in commands]
        except BaseException:
            connection.disconnect()
            raise
        finally:
            if self._keep_connections:
                mine = self._mine
                mine.connection, mine.used, mine.pid = connection, time.monotonic(), os.getpid()
            else:
                pool.release(connection)

    def _borrow(self, pool: Any) -> Any:
        """Return the kept connection of this thread, or one of the pool.

        The pool checks an idle connection before reuse; the server may have closed it. A connection
        from before a fork belongs to the parent.
        """
        kept = getattr(self._mine, "connection", None)
        if kept and self._mine.pid != os.getpid():
            self._mine.connection = kept = None
        if kept and time.monotonic() - self._mine.used > IDLE_SECONDS:
            self._mine.connection = None
            pool.release(kept)
            kept = None
        return kept or pool.get_connection()


def _unknown_scripts(replies: Sequence[Any]) -> list[int]:
    """Return the places of the calls whose script the server does not know."""
    unknown = redis.exceptions.NoScriptError
    return [at for at, reply in enumerate(replies) if isinstance(reply, unknown)]


def _read_reply(connection: Any) -> Any:
    """Return the reply to a command, or the error by which the server refuses it."""
    try:
        return connection.read_response()
    except redis.ResponseError as error:
        return error


def _source(name: str) -> str:
    return resources.files("adapters.redis").joinpath("scripts", f"{name}.lua").read_text("utf-8")
