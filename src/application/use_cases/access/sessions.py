"""Let a browser act for a key without holding it."""

from datetime import timedelta
from hashlib import sha256

from application.ports.access_keys import AccessKeys, Session
from application.ports.secret_source import SecretSource
from domain.access import Token

SESSION = timedelta(hours=12)


class Sessions:
    """A session ends after twelve hours, or with the secret of the key that opened it.

    Every method raises StoreUnavailable.
    """

    def __init__(self, access_keys: AccessKeys, secrets: SecretSource) -> None:
        self._access_keys = access_keys
        self._secrets = secrets

    def open(self, token: Token) -> str:
        """Return the secret of a new session of the key with this token, which was accepted."""
        secret = self._secrets.secret()
        session = Session(token.key_id, token.sha256)
        self._access_keys.add_session(sha256(secret.encode()).digest(), session, SESSION)
        return secret

    def end(self, secret: str) -> None:
        """End the session, if there is one. Other processes refuse it within five seconds."""
        self._access_keys.end_session(sha256(secret.encode()).digest())
