"""Verify callbacks: the webhooks that the service sends when a task becomes final.

The form is that of Standard Webhooks 1.0 (github.com/standard-webhooks/standard-webhooks).
"""

import base64
import binascii
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from task_manager_client.errors import InvalidWebhook
from task_manager_client.models import Task
from task_manager_client.reading import read, read_time

TOLERANCE = 300.0
"""Seconds by which the timestamp of a webhook may differ from the clock of the receiver."""
PREFIX = "whsec_"


@dataclass(frozen=True)
class Webhook:
    """A callback whose signature is right.

    `id` is the same at each delivery of one callback: process each id once, because a webhook may
    arrive twice. `type` is `task.completed`, `task.failed`, `task.cancelled` or `task.expired`.
    """

    id: str
    type: str
    timestamp: datetime
    task: Task


def verify_webhook(
    body: bytes, headers: Mapping[str, str], secret: str, *, tolerance: float = TOLERANCE
) -> Webhook:
    """Return the callback. Raises InvalidWebhook if the service did not send it with this secret.

    `body` is the body as it arrived, not parsed. `secret` is TASKS_CALLBACK_SECRET. Raises
    ValueError if the secret is not `whsec_` and base64.
    """
    sent = {name.lower(): value for name, value in headers.items()}
    message_id, timestamp = sent.get("webhook-id", ""), sent.get("webhook-timestamp", "")
    if not message_id.startswith("msg_"):  # http tasks are signed, too; callers choose their body
        raise InvalidWebhook(
            f"webhook-id is {message_id!r}, and that of a callback begins with msg_"
        )
    _require_recent(timestamp, tolerance)
    signed = b"%b.%b.%b" % (message_id.encode(), timestamp.encode(), body)
    digest = base64.b64encode(hmac.digest(_key(secret), signed, "sha256"))
    signatures = sent.get("webhook-signature", "").split()
    if not any(hmac.compare_digest(b"v1," + digest, each.encode()) for each in signatures):
        raise InvalidWebhook("no signature of the webhook was made with this secret")
    return _read(message_id, body)


def _key(secret: str) -> bytes:
    try:
        if not secret.startswith(PREFIX):
            raise ValueError
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (ValueError, binascii.Error):
        raise ValueError("the secret is not whsec_ followed by base64") from None


def _require_recent(timestamp: str, tolerance: float) -> None:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16):
        raise InvalidWebhook("webhook-timestamp is missing or no number")
    age = time.time() - int(timestamp)
    if abs(age) > tolerance:
        raise InvalidWebhook(
            f"the webhook was signed {age:.0f} s ago; up to {tolerance:g} s are valid"
        )


def _read(message_id: str, body: bytes) -> Webhook:
    try:
        value = json.loads(body)
        task = read(Task, value["data"])
        return Webhook(message_id, value["type"], read_time(value["timestamp"]), task)
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidWebhook(f"the body is not that of a callback: {error!r}") from error
