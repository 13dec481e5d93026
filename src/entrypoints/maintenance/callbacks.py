"""Delivers callbacks beside the other duties: a receiver that is slow must not hold up a task that is due."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from application.errors import StoreUnavailable
from application.ports.outbox import LeasedDelivery
from entrypoints.container import Container

AT_ONCE = 32
PAUSE_SECONDS = 0.25

logger = logging.getLogger(__name__)


class CallbackDelivery:
    def __init__(self, container: Container) -> None:
        self._deliver = container.deliver_webhook()
        self._free = threading.Semaphore(AT_ONCE)
        self._senders = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="callback")
        self._stopped = threading.Event()
        self._failure = ""
        """The error that the last look at the outbox met, so that it is logged once."""
        self._thread = threading.Thread(target=self._run, name="callbacks", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """What is being sent is sent to its end; what waits is left to whoever comes next."""
        self._stopped.set()
        self._thread.join()
        self._senders.shutdown()

    def _run(self) -> None:
        while not self._stopped.wait(0 if self._fill() else PAUSE_SECONDS):
            pass

    def _fill(self) -> bool:
        """Gives each free sender a message; False when there were fewer messages than that."""
        free = 0
        while free < AT_ONCE and self._free.acquire(blocking=False):
            free += 1
        try:
            leased = self._deliver.due(free) if free else []
            self._failure = ""
        except StoreUnavailable:
            leased = []  # the other duties log it
        except Exception as error:
            if repr(error) != self._failure:
                logger.exception("Callbacks could not be read", extra={"action": "callbacks_error"})
            self._failure = repr(error)
            leased = []
        for delivery in leased:
            self._senders.submit(self._send, delivery)
        for _ in range(free - len(leased)):
            self._free.release()
        return bool(leased) and len(leased) == free

    def _send(self, delivery: LeasedDelivery) -> None:
        webhook = delivery.webhook
        about = {"task_id": webhook.task.task_id, "message_id": webhook.message_id}
        try:
            result = self._deliver.execute(delivery)
        except StoreUnavailable as error:
            logger.warning("Cannot keep a delivery: %s", error.reason, extra={"action": "delivery_unkept", **about})
        except Exception:
            logger.exception("A delivery went wrong", extra={"action": "delivery_error", **about})
        else:
            logger.info(
                "Callback tried",
                extra={"action": "callback_tried", "status": result.status, "error": result.error, **about},
            )
        finally:
            self._free.release()
