"""Confirm the changes of all greenlets of a process together.

A connection stands still while its WAIT waits. So these calls have a connection of their own, on
which one group follows the other, and one WAIT serves all calls that came during the one before.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from gevent import spawn
from gevent.event import AsyncResult
from gevent.lock import BoundedSemaphore

from adapters.redis.confirmation import Confirmation, ConfirmedExchange
from adapters.redis.exchange import Exchange
from adapters.redis.failures import copied

MAX_GROUPED_BYTES = 32_768
"""A longer call is confirmed by itself, so that no other one waits until it is sent."""
MAX_LONG_CALLS = 16
MAX_CALLS = 16


class _Call(NamedTuple):
    commands: Sequence[bytes]
    result: AsyncResult


class GroupedConfirmation:
    """An Exchange for a process that gevent has patched; see ConfirmedExchange.

    Once replicas are behind, further calls are refused before they are sent, until the replicas
    have confirmed again: otherwise each of them would be stored, and wait in a long line for the
    same refusal.
    """

    def __init__(self, exchange: Exchange, confirmation: Confirmation) -> None:
        self._confirmation = confirmation
        self._exchange = exchange
        self._exchange_apart = ConfirmedExchange(exchange, confirmation)
        self._long_calls = BoundedSemaphore(MAX_LONG_CALLS)
        self._waiting: deque[_Call] = deque()
        self._is_running = False
        self._are_behind = False

    def __call__(self, commands: Sequence[bytes]) -> list[Any]:
        """Exchange the commands. Raises ReplicasBehind, and the errors of the exchange."""
        if sum(map(len, commands)) > MAX_GROUPED_BYTES:
            with self._long_calls:
                return self._exchange_apart(commands)
        call = _Call(commands, AsyncResult())
        self._waiting.append(call)
        if not self._is_running:
            self._is_running = True
            spawn(self._run)
        replies: list[Any] = call.result.get()
        return self._confirmation.checked(replies)

    def _run(self) -> None:
        """Serve all calls that wait, and those that come meanwhile."""
        try:
            while self._waiting:
                number = 0 if self._are_behind else min(len(self._waiting), MAX_CALLS)
                calls = [self._waiting.popleft() for _ in range(number)]
                try:
                    self._exchange_group(calls)
                except Exception as error:
                    _fail(calls, error)
                    _fail(self._waiting, error)
                    self._waiting.clear()
        finally:
            self._is_running = False

    def _exchange_group(self, calls: Sequence[_Call]) -> None:
        """Exchange the commands of the calls; of none, to see whether the replicas follow again.

        Raises ReplicasBehind when it has given the calls their replies.
        """
        commands = [command for call in calls for command in call.commands]
        replies = self._exchange([*commands, *self._confirmation.commands])
        ends, at = replies[-2:], 0
        for call in calls:
            behind = at + len(call.commands)
            call.result.set([*replies[at:behind], *ends])
            at = behind
        self._are_behind = True
        self._confirmation.checked(ends)
        self._are_behind = False


def _fail(calls: Iterable[_Call], error: Exception) -> None:
    for call in calls:
        if not call.result.ready():
            call.result.set_exception(copied(error))
