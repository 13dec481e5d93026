"""Tell a URL that a task is final."""

from application.ports.callback_sender import CallbackSender
from application.ports.clock import Clock
from application.ports.outbox import Outbox, Taken
from domain.callback import Try, tried


class DeliverCallback:
    """At least once, with the same message id each time: a crash between the sending and its record repeats it."""

    def __init__(self, outbox: Outbox, sender: CallbackSender, clock: Clock) -> None:
        self._outbox = outbox
        self._sender = sender
        self._clock = clock

    def execute(self, taken: Taken) -> Try:
        """One try; answers what came of it, by the clock of the store."""
        reply = self._sender.send(taken.message)
        result = tried(taken.message, reply, self._clock.now())
        self._outbox.settle(taken, result)
        return result
