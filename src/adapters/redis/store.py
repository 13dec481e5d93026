"""The store that all adapters of this package share."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import redis

from adapters.redis.circuit_breaker import CircuitBreaker
from adapters.redis.confirmation import Confirmation, ConfirmedExchange
from adapters.redis.exchange import Exchange, PooledExchange
from adapters.redis.failures import NOT_MASTER, is_damage, is_outage, translate
from adapters.redis.stored_scripts import (
    PlainCommand,
    ScriptCall,
    ScriptRunner,
    StoredScript,
    load_script,
)
from adapters.supervision.task_process import TaskProcess

MAX_CONNECTIONS = 64


class RedisStore:
    """Gives out the client and scripts, and raises the errors that the application knows."""

    def __init__(
        self,
        client: redis.Redis,
        *,
        fail_fast: bool = False,
        keep_connections: bool = False,
        process: TaskProcess | None = None,
        shared: Exchange | None = None,
        confirmation: Confirmation | None = None,
        confirmed: Exchange | None = None,
        confirm_writes: bool = False,
    ) -> None:
        """`fail_fast` refuses calls at once while the store is unavailable: a web process must not
        wait for the time limit in every request. Calls then also take turns at up to 64
        connections: thousands of simultaneous requests would open as many, and run out of time.

        `keep_connections`: see PooledExchange. `process` is the only one that may use this store; a
        forked copy of it ends when it tries. `shared` is a connection that needs no turns.

        `confirmation` is that of the replicas whose number the settings demand; None for 0. With
        `confirm_writes`, the scripts that ask for it wait for it. `confirmed` is the Exchange that
        does so, where it must be another than a ConfirmedExchange.
        """
        self._client = client
        self._process = process
        self._breaker = CircuitBreaker(client) if fail_fast else None
        self._turns = threading.Semaphore(MAX_CONNECTIONS)
        self._mine = threading.local()
        self._shared = shared
        self._exchange = shared or PooledExchange(client, keep_connections=keep_connections)
        self._runner = ScriptRunner(self._exchange, client.script_load)
        if confirmation is not None:
            confirmed = confirmed or ConfirmedExchange(self._exchange, confirmation)
        self._confirmed = confirmed
        self._confirmed_runner = (
            ScriptRunner(confirmed, client.script_load)
            if confirmed and confirm_writes
            else self._runner
        )
        self._translation = _Translation(client, self._breaker)

    @property
    def unavailable_reason(self) -> str | None:
        """The error for which calls are refused; None while they are made."""
        return self._breaker.unavailable_reason if self._breaker else None

    @contextmanager
    def client(self) -> Iterator[Any]:
        """Yield the client. Within the block a failure of Redis raises StoreUnavailable.

        It is untyped, since redis-py declares each reply as bytes | str, and ours are bytes.
        """
        with self._turn(), self._translation:
            yield self._client

    def script(self, name: str, *, when_full: bool = True, writes: bool = True) -> "BoundScript":
        """Return a script of this package; see load_script."""
        return BoundScript(self, load_script(name, when_full=when_full, writes=writes))

    def require_replicas(self) -> None:
        """Return when the replicas have everything that was written so far.

        Raises StoreUnconfirmed and StoreUnavailable. Does nothing where the settings demand none.
        """
        if self._confirmed is not None:
            with self._exchange_turn(), self._translation:
                self._confirmed([])

    def pipeline_scripts(
        self,
        calls: Sequence[ScriptCall | PlainCommand],
        *,
        damage_as_reply: bool = False,
        confirmed: bool = False,
    ) -> list[Any]:
        """Return the replies to many calls in one round trip. Raises StoreUnavailable.

        Each call is made by itself. With `damage_as_reply`, an error that one call met in its own
        data is its reply, so that the others keep theirs. With `confirmed`, it raises
        StoreUnconfirmed for what too few replicas have, in a process that confirms its writes.
        """
        runner = self._confirmed_runner if confirmed else self._runner
        with self._exchange_turn(), self._translation:
            replies = runner.run(calls)
            _raise_error(replies, damage_as_reply=damage_as_reply)
        return replies

    def pipeline(self, commands: Sequence[bytes]) -> list[Any]:
        """Return the replies to many packed commands in one round trip. Raises StoreUnavailable.

        The reply to a command that met damaged data is its error.
        """
        with self._exchange_turn(), self._translation:
            replies = self._exchange(commands)
            _raise_error(replies, damage_as_reply=True)
        return replies

    def _exchange_turn(self) -> AbstractContextManager[None]:
        return nullcontext() if self._shared else self._turn()

    def _turn(self) -> AbstractContextManager[None]:
        """Wait for a turn at the connections. Re-entrant within one thread."""
        if self._process is not None:
            self._process.end_copy()
        if self._breaker is None or getattr(self._mine, "has_turn", False):
            return nullcontext()
        return self._waited_turn()

    @contextmanager
    def _waited_turn(self) -> Iterator[None]:
        with self._turns:
            self._mine.has_turn = True
            try:
                yield
            finally:
                self._mine.has_turn = False


def _raise_error(replies: Sequence[Any], *, damage_as_reply: bool) -> None:
    for reply in replies:
        if isinstance(reply, Exception) and not (damage_as_reply and is_damage(reply)):
            raise reply


class _Translation:
    """A block in which a failure of Redis raises the error that the application knows."""

    def __init__(self, client: redis.Redis, breaker: CircuitBreaker | None) -> None:
        self._client = client
        self._breaker = breaker

    def __enter__(self) -> None:
        if self._breaker is not None:
            self._breaker.check()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            return
        if self._breaker and is_outage(error) and isinstance(error, redis.RedisError):
            self._breaker.open(error)
        if isinstance(error, NOT_MASTER):  # idle connections lead to the same server
            self._client.connection_pool.disconnect(inuse_connections=False)
        if failure := translate(error):
            raise failure from error


@dataclass(frozen=True)
class BoundScript:
    """A script of one store. A call is one round trip, and raises StoreUnavailable."""

    store: RedisStore
    script: StoredScript

    def __call__(self, keys: Sequence[Any], arguments: Sequence[Any]) -> Any:
        calls = [self.call(keys, arguments)]
        [reply] = self.store.pipeline_scripts(calls, confirmed=self.script.writes)
        return reply

    def call(self, keys: Sequence[Any], arguments: Sequence[Any]) -> ScriptCall:
        """Return a call for `RedisStore.pipeline_scripts`."""
        return ScriptCall(self.script, keys, arguments)
