"""Tell from its credentials who sends a request."""

from collections.abc import Callable, Hashable
from contextlib import suppress
from hashlib import sha256
from typing import Generic, TypeVar

from application.access import Caller
from application.bounded_cache import BoundedCache
from application.errors import StoreUnavailable
from application.ports.access_keys import AccessKeys
from application.ports.clock import Clock
from domain.access import AccessKey, Token

VERDICT_SECONDS = 4.0
"""Time for which a process remembers what is stored. A revoked key must be dead within five."""
OUTAGE_SECONDS = 60.0
"""The same while the store is unavailable. Requests that need the store fail anyway."""
USE_SECONDS = 60.0
MAX_REMEMBERED = 20_000
"""Limit on the keys, and on the sessions, that a process remembers."""
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class InvalidCredentials(Exception):
    """No key has this secret: it is wrong, expired or revoked."""

    def __init__(self) -> None:
        super().__init__("The key is wrong, has expired or was revoked.")


class Authenticate:
    """Asks the store for each key, and for each session, at most once in four seconds."""

    def __init__(self, access_keys: AccessKeys, clock: Clock) -> None:
        self._access_keys = access_keys
        self._clock = clock
        self._keys = _Remembered(self._read_key, clock)
        self._sessions = _Remembered(access_keys.get_session, clock)
        self._noted: BoundedCache[str, float] = BoundedCache(MAX_REMEMBERED)

    def by_token(self, text: str) -> Caller:
        """Return who shows this token. Raises InvalidCredentials, StoreUnavailable."""
        token = Token.parse(text)
        if token is None:
            raise InvalidCredentials
        return self._caller(token.key_id, token.sha256)

    def by_session(self, secret: str) -> Caller:
        """Return who opened this session. Raises InvalidCredentials, StoreUnavailable."""
        session = self._sessions.get(sha256(secret.encode()).digest())
        if session is None:
            raise InvalidCredentials
        return self._caller(*session)

    def forget(self, key_id: str) -> None:
        """Read the key again at its next use, since this process has changed it."""
        self._keys.forget(key_id)

    def _caller(self, key_id: str, sha256: bytes) -> Caller:
        """Return the caller of the key that has this secret. Raises InvalidCredentials."""
        found = self._keys.get(key_id)
        if found and not found[0].accepts(sha256, self._clock.now()):
            found = self._keys.get_anew(key_id)  # another process may have rotated the key
        if found is None or not found[0].accepts(sha256, self._clock.now()):
            raise InvalidCredentials
        self._note_use(key_id)
        return found[1]

    def _read_key(self, key_id: str) -> tuple[AccessKey, Caller] | None:
        key = self._access_keys.get(key_id)
        return (key, Caller.of(key)) if key else None

    def _note_use(self, key_id: str) -> None:
        now = self._clock.monotonic()
        noted = self._noted.get(key_id)
        if noted is None or now - noted >= USE_SECONDS:
            with suppress(StoreUnavailable):  # a full store still lets callers read
                self._access_keys.note_use(key_id)
            self._noted.put(key_id, now, 1)


class _Remembered(Generic[K, V]):
    """Values of the store, remembered for seconds, and for longer while it is unavailable."""

    def __init__(self, read: Callable[[K], V], clock: Clock) -> None:
        """`read` asks the store. Raises StoreUnavailable."""
        self._read = read
        self._clock = clock
        self._values: BoundedCache[K, tuple[V, float]] = BoundedCache(MAX_REMEMBERED)

    def get(self, key: K) -> V:
        """Raises StoreUnavailable when what is remembered is too old."""
        now = self._clock.monotonic()
        known = self._values.get(key)
        if known is not None and now - known[1] < VERDICT_SECONDS:
            return known[0]
        return self.get_anew(key)

    def get_anew(self, key: K) -> V:
        """Ask the store. Raises StoreUnavailable when what is remembered is too old."""
        now = self._clock.monotonic()
        known = self._values.get(key)
        try:
            value = self._read(key)
        except StoreUnavailable:
            if known is not None and now - known[1] < OUTAGE_SECONDS:
                return known[0]
            raise
        self._values.put(key, (value, now), 1)
        return value

    def forget(self, key: K) -> None:
        self._values.discard(key)
