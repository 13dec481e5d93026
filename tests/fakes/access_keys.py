from collections.abc import Sequence
from datetime import datetime, timedelta

from application.errors import StoreUnavailable
from application.ports.access_keys import (
    MAX_KEYS,
    MAX_SESSIONS,
    AccessKeys,
    ListedKey,
    Session,
    TooManyKeys,
)
from domain.access import AccessKey
from tests.fakes.clock import FakeClock


class FakeAccessKeys(AccessKeys):
    """`away` makes every call fail."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._keys: dict[str, AccessKey] = {}
        self._uses: dict[str, datetime] = {}
        self._sessions: dict[bytes, tuple[Session, datetime]] = {}
        self.away = False
        self.asked = 0
        """Number of keys that were asked for."""

    def get(self, key_id: str) -> AccessKey | None:
        self._check()
        self.asked += 1
        return self._keys.get(key_id)

    def all(self) -> Sequence[ListedKey]:
        self._check()
        listed = (
            ListedKey(key=key, last_used_at=self._uses.get(key_id))
            for key_id, key in self._keys.items()
        )
        return sorted(listed, key=lambda each: (each.key.created_at, each.key.key_id))

    def add(self, key: AccessKey) -> None:
        self._check()
        if len(self._keys) >= MAX_KEYS:
            raise TooManyKeys
        self._keys[key.key_id] = key

    def replace(self, before: AccessKey, after: AccessKey) -> bool:
        self._check()
        if self._keys.get(before.key_id) != before:
            return False
        self._keys[before.key_id] = after
        return True

    def remove(self, key_id: str) -> bool:
        self._check()
        self._uses.pop(key_id, None)
        return self._keys.pop(key_id, None) is not None

    def note_use(self, key_id: str) -> None:
        self._check()
        self._uses[key_id] = self._clock.now().replace(second=0, microsecond=0)

    def add_session(self, sha256: bytes, session: Session, duration: timedelta) -> None:
        self._check()
        self._sessions[sha256] = session, self._clock.now() + duration
        of_key = [
            each for each, (known, _) in self._sessions.items() if known.key_id == session.key_id
        ]
        for oldest in of_key[:-MAX_SESSIONS]:
            del self._sessions[oldest]

    def get_session(self, sha256: bytes) -> Session | None:
        self._check()
        session, until = self._sessions.get(sha256, (None, self._clock.now()))
        return session if until > self._clock.now() else None

    def end_session(self, sha256: bytes) -> None:
        self._check()
        self._sessions.pop(sha256, None)

    def _check(self) -> None:
        if self.away:
            raise StoreUnavailable("the fake is away")
