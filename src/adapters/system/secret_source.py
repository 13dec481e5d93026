"""Draw secrets from the random source of the operating system."""

import secrets
import string

from application.ports.secret_source import SecretSource

ID_LENGTH = 12
ID_CHARACTERS = string.digits + string.ascii_lowercase
SECRET_BYTES = 32


class SystemSecretSource(SecretSource):
    def key_id(self) -> str:
        return "".join(secrets.choice(ID_CHARACTERS) for _ in range(ID_LENGTH))

    def secret(self) -> str:
        return secrets.token_urlsafe(SECRET_BYTES)
