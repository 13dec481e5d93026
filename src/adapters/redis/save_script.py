"""Run save.lua: the one way in which adapters write what must be checked or written together."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from adapters.redis.effects import Effects
from adapters.redis.store import RedisStore
from adapters.redis.stored_scripts import PlainCommand, ScriptCall


class SaveReply(NamedTuple):
    """The reply of save.lua: all effects were made, or a guard refused them all."""

    saved: bool
    now_ms: int = 0
    """The present time in milliseconds since 1970, which the writes have used."""
    wake_ups_put: int = 0
    claimed: Any = None
    """The reply of claim.lua; None without a claim, or when nothing was claimed."""
    counted: Any = None
    """The reply of count_units; None without require_units."""
    refused_by: str = ""
    """The name of the guard, as Effects has it."""
    detail: Any = None
    """The value that made the guard refuse, where Effects says so."""


class SaveScript:
    def __init__(self, store: RedisStore, *, confirmed: bool = True) -> None:
        """`confirmed`: see RedisStore.pipeline_scripts."""
        self._store = store
        self._confirmed = confirmed
        self._save = store.script("save")
        self._save_with_room = store.script("save", when_full=False)

    def run(self, effects: Effects) -> SaveReply:
        """Make the effects, all or none. Raises StoreUnavailable."""
        reply, *_ = self.run_and_read(effects)
        return reply

    def run_and_read(
        self, effects: Effects, *commands: bytes
    ) -> tuple[SaveReply, *tuple[Any, ...]]:
        """Make the effects, all or none, and read what is stored then, in one round trip.

        Returns a reply for each packed command as well, or the error that it met in its data.
        Raises StoreUnavailable.
        """
        calls: list[ScriptCall | PlainCommand] = [self._call(effects)]
        calls += map(PlainCommand, commands)
        reply, *read = self._send(calls)
        if isinstance(reply, Exception):
            raise reply
        return _reply(reply), *read

    def run_each(self, effects: Sequence[Effects]) -> list[SaveReply | Exception]:
        """Make the effects of each in one round trip. Raises StoreUnavailable.

        Returns a reply for each, or the error that it met in its own data.
        """
        if not effects:
            return []
        replies = self._send(list(map(self._call, effects)))
        return [reply if isinstance(reply, Exception) else _reply(reply) for reply in replies]

    def _send(self, calls: Sequence[ScriptCall | PlainCommand]) -> list[Any]:
        return self._store.pipeline_scripts(calls, damage_as_reply=True, confirmed=self._confirmed)

    def _call(self, effects: Effects) -> ScriptCall:
        script = self._save_with_room if effects.needs_memory else self._save
        return script.call(effects.keys, effects.arguments)


def succeeded(reply: SaveReply | Exception) -> bool:
    return isinstance(reply, SaveReply) and reply.saved


def _reply(reply: Any) -> SaveReply:
    if reply[0]:
        return SaveReply(True, *reply[1:])
    return SaveReply(False, refused_by=reply[1].decode(), detail=reply[2])
