"""Tell a URL that a task is final."""

import logging

from application.ports.callback_sender import CallbackSender
from application.ports.clock import Clock
from application.ports.outbox import Outbox, Taken
from domain.callback import Message, Reply, Try, tried

logger = logging.getLogger(__name__)


class DeliverCallback:
    """At least once, with the same message id each time: a crash between the sending and its record repeats it."""

    def __init__(self, outbox: Outbox, sender: CallbackSender, clock: Clock) -> None:
        self._outbox = outbox
        self._sender = sender
        self._clock = clock

    def execute(self, taken: Taken) -> Try:
        """One try; answers what came of it, by the clock of the store."""
        result = tried(taken.message, self._sent(taken.message), self._clock.now())
        self._outbox.settle(taken, result)
        return result

    def _sent(self, message: Message) -> Reply:
        """A fault of ours is a failed try, too: else the message would come again and again, and never be given up."""
        try:
            return self._sender.send(message)
        except Exception as error:
            logger.exception("A callback cannot be sent", extra={"action": "callback_fault"})
            return Reply(error=f"It could not be sent: {type(error).__name__}")
