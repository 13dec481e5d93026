"""Sign requests, so that receivers can verify the sender and recognize repetitions.

Standard Webhooks 1.0: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
"""

import base64
import hmac
from collections.abc import Mapping
from datetime import datetime

from standardwebhooks import Webhook

KEY_PREFIX = "whsec_"
HTTP_TASKS = b"task-manager-api/http-tasks/v1"
"""Label of the derived key. Never change it: receivers hold the key that it derives."""


class Signature:
    """Makes the headers that identify and sign a message."""

    def __init__(self, secret: str | None) -> None:
        """`secret` is base64 after the prefix whsec_. None signs nothing."""
        self._webhook = Webhook(secret) if secret else None

    def headers(self, message_id: str, body: bytes, now: datetime) -> Mapping[str, str]:
        """Return webhook-id, webhook-timestamp and, with a secret, webhook-signature.

        Pass the same `message_id` at each delivery attempt of a message.
        """
        unsigned = {"webhook-id": message_id, "webhook-timestamp": str(int(now.timestamp()))}
        if self._webhook is None:
            return unsigned
        return {**unsigned, "webhook-signature": self._webhook.sign(message_id, now, body.decode())}


def http_secret(callback_secret: str | None) -> str | None:
    """Return the secret that signs `http` tasks, derived from the one that signs callbacks.

    Callers choose the body of an `http` task. With one key for both, a caller could make the
    service sign a forged callback. Returns None without a secret.
    """
    if callback_secret is None:
        return None
    key = hkdf_sha256(base64.b64decode(callback_secret.removeprefix(KEY_PREFIX)), info=HTTP_TASKS)
    return KEY_PREFIX + base64.b64encode(key).decode()


def hkdf_sha256(key_material: bytes, *, info: bytes, salt: bytes = b"") -> bytes:
    """Return the first block, 32 bytes, of HKDF-SHA256 (RFC 5869, 2.2 and 2.3)."""
    pseudorandom_key = hmac.digest(salt, key_material, "sha256")
    return hmac.digest(pseudorandom_key, info + b"\x01", "sha256")
