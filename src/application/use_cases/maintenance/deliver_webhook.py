"""Tell a URL that a task is final."""

import logging

from application.ports.clock import Clock
from application.ports.outbox import LeasedDelivery, Outbox
from application.ports.webhook_sender import WebhookSender
from domain.webhook import DeliveryAttempt, Webhook, WebhookResponse, record_attempt

logger = logging.getLogger(__name__)


class DeliverWebhook:
    """At least once, with the same message id each time: a crash between the sending and its record repeats it."""

    def __init__(self, outbox: Outbox, sender: WebhookSender, clock: Clock) -> None:
        self._outbox = outbox
        self._sender = sender
        self._clock = clock

    def execute(self, taken: LeasedDelivery) -> DeliveryAttempt:
        """One try; answers what came of it, by the clock of the store."""
        result = record_attempt(taken.message, self._sent(taken.message), self._clock.now())
        self._outbox.settle(taken, result)
        return result

    def _sent(self, message: Webhook) -> WebhookResponse:
        """A fault of ours is a failed try, too: else the message would come again and again, and never be given up."""
        try:
            return self._sender.send(message)
        except Exception as error:
            logger.exception("A callback cannot be sent", extra={"action": "callback_fault"})
            return WebhookResponse(error=f"It could not be sent: {type(error).__name__}")
