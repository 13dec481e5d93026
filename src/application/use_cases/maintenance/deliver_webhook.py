"""Tell a URL that a task is final."""

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import timedelta

from application.ports.clock import Clock
from application.ports.outbox import LeasedDelivery, Outbox
from application.ports.webhook_sender import WebhookMessage, WebhookSender
from domain.webhook import DeliveryAttempt, WebhookResponse, record_attempt

LEASE = timedelta(seconds=30)
"""Twice the longest attempt. When its process dies, the webhook is due again after this."""

logger = logging.getLogger(__name__)


class DeliverWebhook:
    """Delivers at least once, always with the same message id.

    A crash between the sending and its record repeats the attempt.
    """

    def __init__(
        self,
        outbox: Outbox,
        sender: WebhookSender,
        clock: Clock,
        one_at_a_time: AbstractContextManager[object],
    ) -> None:
        """`clock` is the store's, since it decides what is due.

        `one_at_a_time` is a lock for the threads that share this instance. Each holds it while it
        has a whole task, which takes up to thirty times the memory of its JSON.
        """
        self._outbox = outbox
        self._sender = sender
        self._clock = clock
        self._one_at_a_time = one_at_a_time

    def due(self, limit: int, room: int) -> Sequence[LeasedDelivery]:
        """Lease due webhooks to the caller, which must deliver them. Raises StoreUnavailable.

        `limit` is their greatest number, `room` their greatest size in all; see Outbox.lease.
        """
        return self._outbox.lease(limit=limit, duration=LEASE, room=room)

    def execute(self, delivery: LeasedDelivery) -> DeliveryAttempt | None:
        """Make one attempt and return it as recorded. Raises StoreUnavailable.

        Returns None, and sends nothing, when the webhook is gone or cannot be read.
        """
        message = self._write(delivery)
        if message is None:
            return None
        response = message if isinstance(message, WebhookResponse) else self._send(message)
        attempt = record_attempt(delivery.webhook, response, self._clock.now())
        self._outbox.record_attempt(delivery, attempt)
        return attempt

    def _write(self, delivery: LeasedDelivery) -> WebhookMessage | WebhookResponse | None:
        """Return the message, None when there is none, or the response that a fault stands for."""
        with self._one_at_a_time:
            webhook = self._outbox.whole(delivery)
            if webhook is None:
                return None
            try:
                return self._sender.write(webhook)
            except Exception as error:
                return _fault(error)

    def _send(self, message: WebhookMessage) -> WebhookResponse:
        try:
            return self._sender.send(message)
        except Exception as error:
            return _fault(error)


def _fault(error: Exception) -> WebhookResponse:
    """Count a fault of the sender as a failed attempt, so that the webhook is given up in the
    end.
    """
    logger.exception("Cannot send a webhook", extra={"action": "callback_fault"})
    return WebhookResponse(error=f"The webhook could not be sent: {type(error).__name__}")
