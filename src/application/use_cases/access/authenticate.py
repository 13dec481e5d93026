"""Find out who sends a request."""

from collections import OrderedDict
from contextlib import suppress
from hashlib import sha256
from typing import NamedTuple, TypeVar

from application.access import Caller
from application.errors import StoreUnavailable
from application.ports.access_keys import AccessKeys
from application.ports.clock import Clock
from domain.access import AccessKey, Token

VERDICT_SECONDS = 4.0
"""Time for which a process remembers what is stored. A revoked key must be dead within five."""
OUTAGE_SECONDS = 60.0
"""The same while the store is unavailable. Requests that need the store fail anyway."""
USE_SECONDS = 60.0
MAX_VERDICTS = 20_000
K = TypeVar("K")
V = TypeVar("V")


class InvalidCredentials(Exception):
    """No key has this secret: it is wrong, expired or revoked."""

    def __init__(self) -> None:
        super().__init__("The key is wrong, has expired or was revoked.")


class _Verdict(NamedTuple):
    key: AccessKey | None
    caller: Caller | None
    read_at: float


class Authenticate:
    """Asks the store for each key at most once in four seconds."""

    def __init__(self, access_keys: AccessKeys, clock: Clock) -> None:
        self._access_keys = access_keys
        self._clock = clock
        self._verdicts: OrderedDict[str, _Verdict] = OrderedDict()
        self._sessions: OrderedDict[bytes, tuple[str | None, float]] = OrderedDict()
        self._noted: OrderedDict[str, float] = OrderedDict()

    def by_token(self, text: str) -> Caller:
        """Return who shows this token. Raises InvalidCredentials, StoreUnavailable."""
        token = Token.parse(text)
        if token is None:
            raise InvalidCredentials
        verdict = self._verdict(token.key_id)
        key, caller = verdict.key, verdict.caller
        digest = sha256(token.secret.encode()).digest()
        if key is None or caller is None or not key.accepts(digest, self._clock.now()):
            raise InvalidCredentials
        return caller

    def by_session(self, secret: str) -> Caller:
        """Return who opened this session. Raises InvalidCredentials, StoreUnavailable."""
        key_id = self._key_of_session(sha256(secret.encode()).digest())
        verdict = self._verdict(key_id) if key_id else None
        if verdict is None or verdict.key is None or verdict.caller is None:
            raise InvalidCredentials
        if verdict.key.has_expired(self._clock.now()):
            raise InvalidCredentials
        return verdict.caller

    def forget(self, key_id: str) -> None:
        """Read the key again at its next use, since this process has changed it."""
        self._verdicts.pop(key_id, None)

    def _verdict(self, key_id: str) -> _Verdict:
        now = self._clock.monotonic()
        known = self._verdicts.get(key_id)
        if known is not None and now - known.read_at < VERDICT_SECONDS:
            return known
        try:
            key = self._access_keys.get(key_id)
            if key is not None:
                self._note_use(key_id, now)
        except StoreUnavailable:
            if known is not None and now - known.read_at < OUTAGE_SECONDS:
                return known
            raise
        verdict = _Verdict(key, Caller.of(key) if key else None, now)
        _remember(self._verdicts, key_id, verdict)
        return verdict

    def _note_use(self, key_id: str, now: float) -> None:
        if now - self._noted.get(key_id, -USE_SECONDS) >= USE_SECONDS:
            with suppress(StoreUnavailable):  # a full store still lets callers read
                self._access_keys.note_use(key_id)
            _remember(self._noted, key_id, now)

    def _key_of_session(self, digest: bytes) -> str | None:
        now = self._clock.monotonic()
        known = self._sessions.get(digest)
        if known is not None and now - known[1] < VERDICT_SECONDS:
            return known[0]
        try:
            key_id = self._access_keys.key_of_session(digest)
        except StoreUnavailable:
            if known is not None and now - known[1] < OUTAGE_SECONDS:
                return known[0]
            raise
        _remember(self._sessions, digest, (key_id, now))
        return key_id


def _remember(verdicts: OrderedDict[K, V], key: K, value: V) -> None:
    verdicts[key] = value
    verdicts.move_to_end(key)
    if len(verdicts) > MAX_VERDICTS:
        verdicts.popitem(last=False)
