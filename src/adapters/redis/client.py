"""The one place where connections to Redis are configured and its errors are translated."""

import logging
import os
import re
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha1
from importlib import resources
from typing import Any

import redis
from hiredis import pack_command
from redis.backoff import NoBackoff
from redis.retry import Retry

from adapters.redis.patience import CONNECT_SECONDS, ConnectionSilent, ServerSilent, patient_kind
from adapters.supervision.task_process import TaskProcess
from application.errors import StoreFull, StoreUnavailable

TIMEOUT_SECONDS = 1.0
BLOCKING_TIMEOUT_SECONDS = 10.0
CONNECTIONS_AT_ONCE = 64
REST_SECONDS = 1.0
"""A kept connection that was not used for so long is looked at before it is used."""
PARTS = ("shared", "claim")
"""What stands before every script."""
PIPELINE_PREFIX = re.compile(r"\ACommand # \d+ \(.*?\) of pipeline caused error: ", re.DOTALL)
PROBE_INTERVAL_SECONDS = 0.1
TRANSIENT = (redis.ReadOnlyError, redis.exceptions.MasterDownError)
REFUSALS = ("MISCONF", "NOREPLICAS", "BUSY", "UNBLOCKED")
"""Answers by which a server that can be reached says that it cannot work now."""

logger = logging.getLogger(__name__)


def connect(url: str, *, patient: bool = False) -> redis.Redis:
    """A client that never retries by itself: redis-py 8 repeats each command 10 times by default,
    also scripts that may have run already.

    A patient one gives up when the server is silent, any other when a call is a second old.
    """
    if patient:
        return _client(
            url,
            TIMEOUT_SECONDS,
            connection_class=patient_kind(url),
            socket_connect_timeout=CONNECT_SECONDS,
        )
    return _client(url, TIMEOUT_SECONDS)


def connect_blocking(url: str) -> redis.Redis:
    """For commands that block for 5 seconds at most."""
    return _client(url, BLOCKING_TIMEOUT_SECONDS)


def _client(url: str, timeout: float, **options: Any) -> redis.Redis:
    """A Unix socket has no keep-alive: redis-py refuses the option there."""
    tcp: dict[str, Any] = {} if url.startswith("unix://") else {"socket_keepalive": True}
    defaults = {"socket_timeout": timeout, "socket_connect_timeout": TIMEOUT_SECONDS}
    return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), **{**defaults, **options, **tcp})


class RedisStore:
    """A client, the scripts, and the error that the application knows.

    With `fail_fast`, calls are refused at once from the first failure on, until a probe in the background
    reaches the server again: a web process must not wait out the time limit for every request. And it uses a few
    connections at once: thousands of requests that come together would open as many, and fail for want of time.

    With `keep_connections`, scripts have one connection a thread for good: for a process of a few threads that live as
    long as it does, where borrowing one from the pool and asking whether it is alive would cost more than an empty
    task in the domain.
    """

    def __init__(
        self,
        client: redis.Redis,
        *,
        fail_fast: bool = False,
        keep_connections: bool = False,
        process: TaskProcess | None = None,
    ) -> None:
        """`process` is the only one that may use this store; a copy of it ends when it tries."""
        self._client = client
        self._process = process
        self._fail_fast = fail_fast
        self._keep_connections = keep_connections
        self.away: str | None = None
        """Why the store cannot be reached now, which a probe in the background may end."""
        self._lock = threading.Lock()
        self._turns = threading.Semaphore(CONNECTIONS_AT_ONCE)
        self._mine = threading.local()
        self._translation = _Translation(self)

    @contextmanager
    def client(self) -> Iterator[Any]:
        """The client; within the block a failure of Redis becomes StoreUnavailable.

        Untyped, since redis-py declares every answer as bytes | str, and ours are bytes.
        """
        with self._turn(), self._translation:
            yield self._client

    def _turn(self) -> AbstractContextManager[None]:
        """Who has a turn needs no other within it."""
        if self._process is not None:
            self._process.end_copy()
        return self._waited_turn() if self._fail_fast and not getattr(self._mine, "turn", False) else nullcontext()

    @contextmanager
    def _waited_turn(self) -> Iterator[None]:
        with self._turns:
            self._mine.turn = True
            try:
                yield
            finally:
                self._mine.turn = False

    def script(self, name: str, *, when_full: bool = True, writes: bool = True) -> "StoredScript":
        """A script of this package. `when_full` lets it run when Redis has no memory left.

        One that does not write also runs when Redis refuses writes, such as after an error of its disk.
        """
        allowed = ["allow-oom"] * when_full + ["no-writes"] * (not writes)
        flags = f" flags={','.join(allowed)}" if allowed else ""
        source = "\n".join([f"#!lua{flags}", *map(_source, (*PARTS, name))])
        return StoredScript(self, source)

    def pipeline_scripts(self, calls: Sequence["ScriptCall"], *, damage_as_reply: bool = False) -> list[Any]:
        """The answers of many calls, in their order and each by itself, in one round trip. Raises StoreUnavailable.

        With `damage_as_reply`, an error that one call met in its own data is its reply, so that the others keep theirs.

        A call that needs a script which the server does not know yet is made after the others. Without redis-py's
        commands and pipeline, whose bookkeeping costs as much as what a worker does for an empty task in the domain.
        """
        with self._turn(), self._translation:
            answers = self._exchange([call.packed for call in calls])
            if unknown := _unknown(answers):
                for source in {calls[at].script.source for at in unknown}:
                    self._client.script_load(source)
                self._repeat(unknown, [calls[at].packed for at in unknown], answers)
            if unknown := _unknown(answers):  # the scripts were flushed meanwhile
                self._repeat(unknown, [calls[at].packed_with_source for at in unknown], answers)
            for answer in answers:
                if isinstance(answer, Exception) and not (damage_as_reply and is_damage(answer)):
                    raise answer
        return answers

    def _repeat(self, places: Sequence[int], commands: Sequence[bytes], answers: list[Any]) -> None:
        """Send the calls at these places again, and put what the server says to them there."""
        for at, answer in zip(places, self._exchange(commands), strict=True):
            answers[at] = answer

    def _exchange(self, commands: Sequence[bytes]) -> list[Any]:
        """What the server says to each; a connection that may hold answers that nobody has read is closed."""
        pool: Any = self._client.connection_pool
        connection = self._borrow(pool)
        try:
            connection.send_packed_command([b"".join(commands)])
            return [_answer(connection) for _ in commands]
        except BaseException:
            connection.disconnect()
            raise
        finally:
            if self._keep_connections:
                self._mine.connection, self._mine.used, self._mine.pid = (
                    connection,
                    time.monotonic(),
                    os.getpid(),
                )
            else:
                pool.release(connection)

    def _borrow(self, pool: Any) -> Any:
        """One that has rested may have been closed meanwhile: the pool asks. One from before a fork is the parent's."""
        kept = getattr(self._mine, "connection", None)
        if kept and self._mine.pid != os.getpid():
            self._mine.connection = kept = None
        if kept and time.monotonic() - self._mine.used > REST_SECONDS:
            self._mine.connection = None
            pool.release(kept)
            kept = None
        return kept or pool.get_connection()

    def went_away(self, error: redis.RedisError) -> None:
        with self._lock:
            if not self._fail_fast or self.away is not None:
                return
            self.away = str(error)
        threading.Thread(target=self._wait_for_return, args=(error,), name="redis-probe", daemon=True).start()

    def _wait_for_return(self, error: redis.RedisError) -> None:
        began, told = time.monotonic(), None
        while self.away is not None:
            if (cause := _cause(error)) != told:
                logger.warning(
                    "The store is away: %s (%s). Calls are refused until it answers.",
                    cause.replace("_", " "),
                    error,
                    extra={"action": "store_away", "cause": cause},
                )
                told = cause
            if isinstance(error, ServerSilent):
                self._client.connection_pool.disconnect(inuse_connections=False)  # those at rest may be dead as well
            try:
                self._client.ping()
                self.away = None
            except redis.RedisError as again:
                error = again
                self.away = str(error)
                time.sleep(PROBE_INTERVAL_SECONDS)
        logger.warning(
            "The store is back after %.1f s.",
            time.monotonic() - began,
            extra={"action": "store_back"},
        )


class _Translation:
    """A block in which the failures of a store become those that the application knows."""

    def __init__(self, store: RedisStore) -> None:
        self._store = store

    def __enter__(self) -> None:
        if self._store.away is not None:
            raise StoreUnavailable(self._store.away)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, redis.ConnectionError | redis.TimeoutError):
            if not isinstance(error, ConnectionSilent):
                self._store.went_away(error)
            raise StoreUnavailable(str(error)) from error
        if isinstance(error, redis.OutOfMemoryError):
            raise StoreFull(str(error)) from error
        if isinstance(error, TRANSIENT) or (isinstance(error, redis.ResponseError) and _is_refusal(error)):
            raise StoreUnavailable(str(error)) from error


@dataclass(frozen=True)
class StoredScript:
    """Called with keys and arguments; one round trip once the server knows it. Raises StoreUnavailable."""

    store: RedisStore
    source: str

    def __call__(self, keys: Sequence[Any], arguments: Sequence[Any]) -> Any:
        return self.call(keys, arguments)()

    def call(self, keys: Sequence[Any], arguments: Sequence[Any]) -> "ScriptCall":
        """For `RedisStore.pipeline_scripts`."""
        return ScriptCall(self, keys, arguments)

    @cached_property
    def digest(self) -> str:
        """By which the server knows it."""
        return sha1(self.source.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class ScriptCall:
    """A script with what it is to be called with."""

    script: StoredScript
    keys: Sequence[Any]
    arguments: Sequence[Any]

    def __call__(self) -> Any:
        [answer] = self.script.store.pipeline_scripts([self])
        return answer

    @property
    def packed(self) -> bytes:
        """As it is sent."""
        packed: bytes = pack_command(("EVALSHA", self.script.digest, len(self.keys), *self.keys, *self.arguments))
        return packed

    @property
    def packed_with_source(self) -> bytes:
        """As it is sent to a server that forgets scripts."""
        packed: bytes = pack_command(("EVAL", self.script.source, len(self.keys), *self.keys, *self.arguments))
        return packed


def _unknown(answers: Sequence[Any]) -> list[int]:
    """Return the places of the calls whose script the server does not know."""
    return [at for at, answer in enumerate(answers) if isinstance(answer, redis.exceptions.NoScriptError)]


def _cause(error: redis.RedisError) -> str:
    """Return in a word why the store is away. The context of a failed connect is the error of the socket."""
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
    """Return whether the server wants another user or password, or forbids this user the command."""
    return isinstance(error, redis.AuthenticationError | redis.exceptions.NoPermissionError)


def _is_refusal(error: redis.ResponseError) -> bool:
    """Return whether the server cannot work now. redis-py puts the command before an error within a pipeline."""
    return PIPELINE_PREFIX.sub("", str(error), count=1).startswith(REFUSALS)


def _answer(connection: Any) -> Any:
    """What the server says to a command; its refusals are answers, too."""
    try:
        return connection.read_response()
    except redis.ResponseError as error:
        return error


def is_damage(reply: Any) -> bool:
    """Return whether this is an error about the data that a command met, such as a key of the wrong type."""
    if not isinstance(reply, redis.ResponseError) or isinstance(reply, (redis.OutOfMemoryError, *TRANSIENT)):
        return False
    text = str(reply)
    return text.startswith("WRONGTYPE") or ("user_script" in text and not text.startswith(REFUSALS))


def replies_of(pipeline: Any) -> list[Any]:
    """Execute the pipeline. An error about the data of one command is its reply; any other is raised."""
    replies: list[Any] = pipeline.execute(raise_on_error=False)
    for reply in replies:
        if isinstance(reply, Exception) and not is_damage(reply):
            raise reply
    return replies


def counted(reply: Any) -> int:
    """Return a count that Redis keeps; 0 where there is none, or what stands there is damaged."""
    try:
        return 0 if isinstance(reply, Exception) else int(reply or 0)
    except ValueError:
        return 0


def texts(members: Iterable[bytes]) -> list[str]:
    """Return the members of a set as sorted text, without those that are no text."""
    found = []
    for member in members:
        with suppress(UnicodeDecodeError):
            found.append(member.decode())
    return sorted(found)


def milliseconds(answer: tuple[int, int]) -> int:
    """Redis TIME as one number."""
    seconds, microseconds = answer
    return seconds * 1000 + microseconds // 1000


def _source(name: str) -> str:
    return resources.files("adapters.redis").joinpath("scripts", f"{name}.lua").read_text("utf-8")
