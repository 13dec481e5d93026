"""The keys of the API, and the sessions of browsers that showed one."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.access import AccessKey

MAX_KEYS = 10_000
MAX_SESSIONS = 1_000
"""Limit on the sessions of one key."""


class TooManyKeys(Exception):
    """There are as many keys as may exist."""

    def __init__(self) -> None:
        super().__init__(
            f"There are {MAX_KEYS:,} keys, which is the limit. Revoke one that is not needed."
        )


class Session(NamedTuple):
    """A session of a browser: its key, and the hash of the secret that opened it."""

    key_id: str
    key_sha256: bytes


@dataclass(frozen=True, kw_only=True)
class ListedKey:
    key: AccessKey
    last_used_at: datetime | None
    """The minute of the latest use that a process has recorded; None when it was never used."""


class AccessKeys(ABC):
    """Every method raises StoreUnavailable. An expired key is stored until it is removed."""

    @abstractmethod
    def get(self, key_id: str) -> AccessKey | None:
        """Return the key; None when there is none, or when what is stored is damaged."""

    @abstractmethod
    def all(self) -> Sequence[ListedKey]:
        """Return the keys, oldest first."""

    @abstractmethod
    def add(self, key: AccessKey) -> None:
        """Store a new key. Raises TooManyKeys."""

    @abstractmethod
    def replace(self, before: AccessKey, after: AccessKey) -> bool:
        """Store `after`. Returns False and stores nothing when `before` is not stored any more."""

    @abstractmethod
    def remove(self, key_id: str) -> bool:
        """Remove the key. Returns False when there is none."""

    @abstractmethod
    def note_use(self, key_id: str) -> None:
        """Record that the key was used in this minute."""

    @abstractmethod
    def add_session(self, sha256: bytes, session: Session, duration: timedelta) -> None:
        """Store a session by the hash of its own secret.

        Remove the oldest session of the key when it has more than MAX_SESSIONS.
        """

    @abstractmethod
    def get_session(self, sha256: bytes) -> Session | None:
        """Return the session; None when it is over, or when what is stored is damaged."""

    @abstractmethod
    def end_session(self, sha256: bytes) -> None:
        """Remove the session, if there is one."""
