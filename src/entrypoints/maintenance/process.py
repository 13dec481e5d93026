"""The process that mends and minds the time: due and expired tasks, missing tokens, runs whose worker died,
callbacks, retention.

Any number of copies may run: each duty is safe to do twice.
"""

import logging
import signal
import threading
import time

from application.errors import StoreUnavailable
from application.use_cases.prune_tasks import BATCH
from entrypoints.container import Container, describe_process
from entrypoints.maintenance.callbacks import CallbackDelivery

TICK_SECONDS = 0.25
BEAT_SECONDS = 3.0

logger = logging.getLogger(__name__)


class Maintenance:
    def __init__(self, container: Container) -> None:
        self._queue = container.task_queue()
        self._promote = container.promote_tasks()
        self._expire = container.expire_tasks()
        self._capacity = container.guard_capacity()
        self._recover = container.recover_tasks()
        self._prune = container.prune_tasks()
        self._forget = container.forget_receipts()
        self._watch_queues = container.watch_queues()
        self._callbacks = CallbackDelivery(container)
        self._heartbeat = container.send_heartbeat()
        self._process = describe_process("maintenance")
        self._stopped = threading.Event()
        self._next_beat = 0.0
        self._away = False

    def run(self) -> None:
        """Until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopped.set())
        self._callbacks.start()
        logger.info("Maintenance is ready", extra={"action": "maintenance_ready"})
        while not self._stopped.wait(self._tick()):
            pass
        self._callbacks.stop()
        self._heartbeat.execute(self._process, last=True)
        logger.info("Maintenance has stopped", extra={"action": "maintenance_stopped"})

    def _tick(self) -> float:
        """Does every duty once; answers how long to wait before the next time."""
        try:
            self._beat()
            for task in self._recover.execute():
                logger.warning(
                    "Recovered a run whose lease ran out",
                    extra={"action": "task_recovered", "task_id": task.task_id, "status": task.status},
                )
            self._promote.execute()
            self._expire.execute()
            self._capacity.execute()
            self._queue.replenish()
            self._forget.execute()
            pruned = self._prune.execute()
        except StoreUnavailable as error:
            if not self._away:
                logger.warning("Cannot reach the store: %s", error.reason, extra={"action": "store_away"})
            self._away = True
            return TICK_SECONDS
        if self._away:
            logger.info("The store is back", extra={"action": "store_back"})
        self._away = False
        return 0 if pruned >= BATCH else TICK_SECONDS

    def _beat(self) -> None:
        if time.monotonic() >= self._next_beat:
            beaten = self._heartbeat.execute(self._process)
            self._next_beat = time.monotonic() + (BEAT_SECONDS if beaten else 1.0)
            self._warn_of_unserved_queues()

    def _warn_of_unserved_queues(self) -> None:
        for queue in self._watch_queues.execute():
            logger.warning(
                "Tasks wait in the queue %s, and no worker serves it. Start one with TASKS_QUEUES=%s.",
                queue,
                queue,
                extra={"action": "queue_unserved", "queue": queue},
            )
