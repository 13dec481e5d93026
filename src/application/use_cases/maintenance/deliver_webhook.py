"""Tell a URL that a task is final."""

import logging
from collections.abc import Sequence
from datetime import timedelta

from application.ports.clock import Clock
from application.ports.outbox import LeasedDelivery, Outbox
from application.ports.webhook_sender import WebhookSender
from domain.webhook import DeliveryAttempt, Webhook, WebhookResponse, record_attempt

LEASE = timedelta(seconds=30)
"""Twice the longest attempt. When its process dies, the webhook is due again after this."""

logger = logging.getLogger(__name__)


class DeliverWebhook:
    """Delivers at least once, always with the same message id.

    A crash between the sending and its record repeats the attempt.
    """

    def __init__(self, outbox: Outbox, sender: WebhookSender, clock: Clock) -> None:
        """`clock` is the store's, since it decides what is due."""
        self._outbox = outbox
        self._sender = sender
        self._clock = clock

    def due(self, limit: int) -> Sequence[LeasedDelivery]:
        """Lease due webhooks to the caller, which must deliver them. Raises StoreUnavailable."""
        return self._outbox.lease(limit=limit, duration=LEASE)

    def execute(self, delivery: LeasedDelivery) -> DeliveryAttempt:
        """Make one attempt and return it as recorded. Raises StoreUnavailable."""
        response = self._send(delivery.webhook)
        attempt = record_attempt(delivery.webhook, response, self._clock.now())
        self._outbox.settle(delivery, attempt)
        return attempt

    def _send(self, webhook: Webhook) -> WebhookResponse:
        """Count a fault of the sender as a failed attempt, so that the webhook is given up in the
        end.
        """
        try:
            return self._sender.send(webhook)
        except Exception as error:
            logger.exception("Cannot send a webhook", extra={"action": "callback_fault"})
            return WebhookResponse(error=f"The webhook could not be sent: {type(error).__name__}")
