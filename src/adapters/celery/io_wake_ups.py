"""The part of Celery's consumer that passes the wake-ups of the I/O lanes to the I/O pool."""

from collections.abc import Sequence
from typing import Any

from celery import bootsteps
from kombu import Consumer

from adapters.celery.app import queue_of_wake_ups
from adapters.io_pool.supervisor import IoSupervisor

LOOK_SECONDS = 0.25
"""Pause between two looks for room, while a wake-up is held back. The pool itself does not wait."""


def io_wake_ups(lanes: Sequence[str], pool: IoSupervisor) -> type[bootsteps.Step]:
    """Return a step that consumes on a channel of its own: children that are all busy, whose
    wake-ups stay unread then, do not hold up the I/O pool.

    It takes one wake-up at a time, and holds it back while all slots are taken, so that the pool of
    another worker gets the next one.
    """

    class IoWakeUps(bootsteps.ConsumerStep):
        held: Any = None
        timer: Any = None

        def get_consumers(self, channel: Any) -> list[Consumer]:
            channel.basic_qos(0, 1, False)
            queues = [queue_of_wake_ups(lane) for lane in lanes]
            return [Consumer(channel, queues, callbacks=[self.take], accept=["json"])]

        def start(self, consumer: Any) -> None:
            self.held = None
            super().start(consumer)
            self.timer = consumer.timer.call_repeatedly(LOOK_SECONDS, self.pass_on)

        def stop(self, consumer: Any) -> None:
            if self.timer is not None:
                self.timer.cancel()
            super().stop(consumer)

        def take(self, _: Any, message: Any) -> None:
            self.held = message
            self.pass_on()

        def pass_on(self) -> None:
            if self.held is not None and pool.has_room:
                message, self.held = self.held, None
                pool.wake()
                message.ack()

    return IoWakeUps
