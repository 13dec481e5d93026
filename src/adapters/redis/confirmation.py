"""Let a change count only when enough replicas have it: WAIT, behind the change itself."""

from collections.abc import Sequence
from typing import Any

import redis

from adapters.redis.exchange import Exchange, packed
from adapters.redis.failures import ReplicasBehind

WAIT_MS = 500
"""Shorter than any time limit of a call, so that a replica that is away is no silence of Redis."""
CHANNEL = b"tm:confirm"
"""A channel without subscribers."""


class Confirmation:
    """The commands that ask for the confirmation of everything that was written before them.

    WAIT waits for the last command of its connection that replicas are sent. The change may have
    been made on another connection, by an earlier attempt: a message to a channel is sent to the
    replicas behind it and stored nowhere.
    """

    def __init__(self, replicas: int) -> None:
        self._replicas = replicas
        self.commands = (packed("PUBLISH", CHANNEL, ""), packed("WAIT", replicas, WAIT_MS))

    def checked(self, replies: Sequence[Any]) -> list[Any]:
        """Return the replies without those to `commands`, the last two.

        Raises ReplicasBehind and the errors of these two, unless nothing was written: then the
        refusals of the other commands say why.
        """
        *own, published, confirmed = replies
        if own and all(isinstance(reply, redis.RedisError) for reply in own):
            return own
        for reply in (published, confirmed):
            if "replica instances" in str(reply):
                raise redis.ReadOnlyError(str(reply))
            if isinstance(reply, redis.RedisError):
                raise reply
        if confirmed < self._replicas:
            raise ReplicasBehind(confirmed, self._replicas)
        return own


class ConfirmedExchange:
    """An Exchange whose replies come when the replicas have confirmed. Raises ReplicasBehind."""

    def __init__(self, exchange: Exchange, confirmation: Confirmation) -> None:
        self._exchange = exchange
        self._confirmation = confirmation

    def __call__(self, commands: Sequence[bytes]) -> list[Any]:
        return self._confirmation.checked(self._exchange([*commands, *self._confirmation.commands]))
