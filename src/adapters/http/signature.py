"""Signs what is sent, so that who receives it knows from whom it comes and can tell repetitions.

Standard Webhooks 1.0: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
"""

import base64
import hmac
from collections.abc import Mapping
from datetime import datetime

from standardwebhooks import Webhook

KEY_PREFIX = "whsec_"
HTTP_TASKS = b"task-manager-api/http-tasks/v1"
"""Label of the derived key. Another label is another key: receivers would have to be given it."""


class Signature:
    def __init__(self, secret: str | None) -> None:
        """`secret` is whsec_ and base64; without one nothing is signed."""
        self._webhook = Webhook(secret) if secret else None

    def headers(self, message_id: str, body: bytes, now: datetime) -> Mapping[str, str]:
        """webhook-id, the same for each try of a message, webhook-timestamp, and webhook-signature with a secret."""
        known = {"webhook-id": message_id, "webhook-timestamp": str(int(now.timestamp()))}
        if self._webhook is None:
            return known
        return {**known, "webhook-signature": self._webhook.sign(message_id, now, body.decode())}


def http_secret(callback_secret: str | None) -> str | None:
    """Return the secret that signs `http` tasks, derived from the one that signs callbacks.

    Callers choose the body of an `http` task. With one key for both, a caller could have the service sign a forged
    callback. None without a secret.
    """
    if callback_secret is None:
        return None
    key = hkdf_sha256(base64.b64decode(callback_secret.removeprefix(KEY_PREFIX)), info=HTTP_TASKS)
    return KEY_PREFIX + base64.b64encode(key).decode()


def hkdf_sha256(key_material: bytes, *, info: bytes, salt: bytes = b"") -> bytes:
    """Return the first 32 bytes of HKDF-SHA256 (RFC 5869, 2.2 and 2.3), which is one block of it."""
    pseudorandom_key = hmac.digest(salt, key_material, "sha256")
    return hmac.digest(pseudorandom_key, info + b"\x01", "sha256")
