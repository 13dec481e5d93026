"""Run Lua scripts by their digest, many in one round trip."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha1
from importlib import resources
from typing import Any

import redis
from hiredis import pack_command

from adapters.redis.exchange import Exchange

COMMON_PARTS = ("shared", "claim")
"""Files that come before every script."""


@dataclass(frozen=True)
class StoredScript:
    source: str
    writes: bool

    @cached_property
    def digest(self) -> str:
        """The name by which the server knows the script."""
        return sha1(self.source.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class PlainCommand:
    """A packed command that reads, for sending behind calls of scripts."""

    packed: bytes

    @property
    def packed_with_source(self) -> bytes:
        return self.packed


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
    source = "\n".join([f"#!lua{flags}", *map(_source, (*COMMON_PARTS, name))])
    return StoredScript(source, writes)


class ScriptRunner:
    """Sends calls and reads their replies."""

    def __init__(self, exchange: Exchange, load: Callable[[str], object]) -> None:
        """`load` makes the source of a script known to the server."""
        self._exchange = exchange
        self._load = load

    def run(self, calls: Sequence[ScriptCall | PlainCommand]) -> list[Any]:
        """Return the replies in order, errors of the server among them. Raises RedisError.

        A call of a script that the server does not know yet is made after the others, and so are
        the commands that read.
        """
        replies = self._exchange([call.packed for call in calls])
        if again := _unanswered(calls, replies):
            for source in {call.script.source for call in calls if isinstance(call, ScriptCall)}:
                self._load(source)
            self._repeat(again, [call.packed for call in again.values()], replies)
        if again := _unanswered(calls, replies):  # another client has flushed the scripts again
            self._repeat(again, [call.packed_with_source for call in again.values()], replies)
        return replies

    def _repeat(self, places: Iterable[int], commands: Sequence[bytes], replies: list[Any]) -> None:
        """Send the calls at these places again, and replace their replies."""
        for at, reply in zip(places, self._exchange(commands), strict=True):
            replies[at] = reply


def _unanswered(
    calls: Sequence[ScriptCall | PlainCommand], replies: Sequence[Any]
) -> dict[int, ScriptCall | PlainCommand]:
    """Return the calls whose script the server did not know, by their places; none if it knew all.

    Commands are among them, since they read what the scripts write.
    """
    unknown = [isinstance(reply, redis.exceptions.NoScriptError) for reply in replies]
    if not any(unknown):
        return {}
    return {
        at: call for at, call in enumerate(calls) if unknown[at] or isinstance(call, PlainCommand)
    }


def _source(name: str) -> str:
    return resources.files("adapters.redis").joinpath("scripts", f"{name}.lua").read_text("utf-8")
