"""Make, list, rotate and revoke the keys of the API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from application.ports.access_keys import AccessKeys, ListedKey
from application.ports.clock import Clock
from application.ports.secret_source import SecretSource
from domain.access import AccessKey, Role, StoredSecret, Token


class KeyNotFound(Exception):
    """There is no key with this id."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"There is no key {key_id!r}. It may have been revoked.")
        self.key_id = key_id


@dataclass(frozen=True, kw_only=True)
class IssuedKey:
    """A key with its token, which nobody can read again."""

    key: AccessKey
    token: Token


class ManageKeys:
    """Every method raises StoreUnavailable."""

    def __init__(self, access_keys: AccessKeys, secrets: SecretSource, clock: Clock) -> None:
        self._access_keys = access_keys
        self._secrets = secrets
        self._clock = clock

    def create(
        self,
        *,
        name: str,
        role: Role,
        queues: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        expires_at: datetime | None = None,
        lifetime: timedelta | None = None,
    ) -> IssuedKey:
        """Return a new key. It expires at a time, after a lifetime, or never.

        Raises InvalidAccessKey, TooManyKeys.
        """
        now = self._clock.now()
        token = Token(self._secrets.key_id(), self._secrets.secret())
        key = AccessKey(
            key_id=token.key_id,
            name=name,
            role=role,
            created_at=now,
            secrets=(StoredSecret(sha256=token.sha256),),
            queues=tuple(dict.fromkeys(queues)),
            labels=dict(labels or {}),
            expires_at=now + lifetime if lifetime else expires_at,
        )
        self._access_keys.add(key)
        return IssuedKey(key=key, token=token)

    def all(self) -> Sequence[ListedKey]:
        """Return the keys, oldest first, expired ones as well."""
        return self._access_keys.all()

    def rotate(self, key_id: str, *, old_secret_for: timedelta) -> IssuedKey:
        """Return the key with a new secret. The old one opens it for the given time.

        Raises KeyNotFound.
        """
        while True:
            before = self._access_keys.get(key_id)
            if before is None:
                raise KeyNotFound(key_id)
            token = Token(key_id, self._secrets.secret())
            after = before.rotate(token.sha256, self._clock.now() + old_secret_for)
            if self._access_keys.replace(before, after):
                return IssuedKey(key=after, token=token)

    def revoke(self, key_id: str) -> None:
        """Remove the key. Other processes refuse it within five seconds. Raises KeyNotFound."""
        if not self._access_keys.remove(key_id):
            raise KeyNotFound(key_id)
