"""Signs what is sent, so that who receives it knows from whom it comes and can tell repetitions.

Standard Webhooks 1.0: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
"""

from collections.abc import Mapping
from datetime import datetime

from standardwebhooks import Webhook


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
