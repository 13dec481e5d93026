"""Deliver webhooks in threads of their own: a slow receiver must not delay a task that is due."""

import logging
import threading
from queue import SimpleQueue

from application.errors import StoreUnavailable
from application.ports.outbox import MAX_BYTES, LeasedDelivery
from entrypoints.container import Container

MAX_SENDERS = 32
POLL_SECONDS = 0.25

logger = logging.getLogger(__name__)


class CallbackDelivery:
    """Lease webhooks from the outbox and send up to MAX_SENDERS of them at a time.

    All threads start at once, since none can be started while the machine has no room for one.
    """

    def __init__(self, container: Container) -> None:
        self._deliver = container.deliver_webhook()
        self._leased: SimpleQueue[LeasedDelivery | None] = SimpleQueue()
        """The webhooks that the senders take next. None ends the sender that takes it."""
        self._in_flight = _InFlight()
        self._stopped = threading.Event()
        self._failure = ""
        """The error of the last look at the outbox, so that it is logged once."""
        self._thread = threading.Thread(target=self._run, name="callbacks", daemon=True)
        self._senders = [
            threading.Thread(target=self._send_each, name=f"callback-{number}", daemon=True)
            for number in range(MAX_SENDERS)
        ]

    @property
    def is_alive(self) -> bool:
        """Return whether all threads run. Without one of them, webhooks would wait unnoticed."""
        return all(thread.is_alive() for thread in (self._thread, *self._senders))

    def start(self) -> None:
        """Raises RuntimeError when a thread cannot be started."""
        for thread in (*self._senders, self._thread):
            thread.start()

    def stop(self) -> None:
        """Finish the requests that are being sent. The remaining webhooks wait in the outbox."""
        self._stopped.set()
        self._thread.join()
        for _ in self._senders:
            self._leased.put(None)
        for sender in self._senders:
            sender.join()

    def _run(self) -> None:
        while not self._stopped.wait(0 if self._fill() else POLL_SECONDS):
            pass

    def _fill(self) -> bool:
        """Give a webhook to each free sender. Returns False if there were too few webhooks."""
        try:
            free, room = self._in_flight.free
            leased = self._deliver.due(free, room) if free else []
            for delivery in leased:
                self._give(delivery)
            self._failure = ""
            return bool(leased) and len(leased) == free
        except StoreUnavailable:
            return False  # maintenance logs the outage
        except Exception as error:
            if repr(error) != self._failure:
                logger.exception(
                    "Cannot read the due webhooks", extra={"action": "callbacks_error"}
                )
            self._failure = repr(error)
            return False

    def _give(self, delivery: LeasedDelivery) -> None:
        self._in_flight.add(delivery)
        try:
            self._leased.put(delivery)
        except BaseException:
            self._in_flight.remove(delivery)
            raise

    def _send_each(self) -> None:
        while delivery := self._leased.get():
            try:
                self._send(delivery)
            finally:
                self._in_flight.remove(delivery)

    def _send(self, delivery: LeasedDelivery) -> None:
        webhook = delivery.webhook
        about = {"task_id": webhook.task.task_id, "message_id": webhook.message_id}
        if trace := webhook.task.trace:
            about["trace_id"] = trace.trace_id
        try:
            result = self._deliver.execute(delivery)
        except StoreUnavailable as error:
            logger.warning(
                "Cannot store a delivery attempt: %s",
                error.reason,
                extra={"action": "delivery_unkept", **about},
            )
        except Exception:
            logger.exception(
                "A delivery attempt raised an error", extra={"action": "delivery_error", **about}
            )
        else:
            if result is None:
                return
            logger.info(
                "Delivery attempt made: %s",
                result.outcome,
                extra={
                    "action": "callback_tried",
                    "status": result.status,
                    "error": result.error,
                    **about,
                },
            )


class _InFlight:
    """Counts the webhooks that are leased and not yet sent, and their bytes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number = self._bytes = 0

    @property
    def free(self) -> tuple[int, int]:
        """Return how many more webhooks may be leased, and of how many bytes in all."""
        with self._lock:
            return MAX_SENDERS - self._number, MAX_BYTES - self._bytes

    def add(self, delivery: LeasedDelivery) -> None:
        with self._lock:
            self._number += 1
            self._bytes += delivery.size

    def remove(self, delivery: LeasedDelivery) -> None:
        with self._lock:
            self._number -= 1
            self._bytes -= delivery.size
