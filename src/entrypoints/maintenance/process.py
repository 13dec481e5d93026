"""The maintenance process, with its duties.

It queues due tasks, makes those of schedules, expires late ones, tops up wake-ups, recovers runs
whose lease has expired, delivers webhooks and prunes old records. Any number of copies may run:
each duty is safe to do twice.
"""

import logging
import signal
import sys
import time
from collections import deque
from collections.abc import Callable

from application.errors import StoreFull, StoreUnavailable
from entrypoints.container import Container, describe_process
from entrypoints.maintenance.callbacks import CallbackDelivery

TICK_SECONDS = 0.25
BEAT_SECONDS = 3.0

logger = logging.getLogger(__name__)

Duty = Callable[[], bool]
"""Do a bounded part of the work; return whether more is to be done at once."""


class Maintenance:
    def __init__(self, container: Container) -> None:
        self._wake_ups = container.wake_ups()
        self._promote = container.promote_tasks()
        self._start_slots = container.start_due_slots()
        self._expire = container.expire_tasks()
        self._capacity = container.guard_capacity()
        self._recover = container.recover_tasks()
        self._prune_tasks = container.prune_tasks()
        self._prune_records = container.prune_idempotency_records()
        self._sum_up = container.sum_up_series()
        self._find_unserved = container.find_unserved_queues()
        self._callbacks = CallbackDelivery(container)
        self._tracer = container.tracer()
        self._heartbeat = container.send_heartbeat()
        self._process = describe_process("maintenance")
        self._is_stopping = False
        """A plain flag: a signal handler could wait for ever for the lock of an Event."""
        self._next_beat = self._next_look = 0.0
        self._away = False
        self._failures: dict[str, str] = {}
        """The last error of each failing duty, so that it is logged once."""
        self._duties: deque[tuple[str, Duty]] = deque(
            [
                ("recover", self._recover_runs),
                ("promote", lambda: self._promote.execute().is_unfinished),
                ("schedules", self._make_slots),
                ("expire", lambda: self._expire.execute().is_unfinished),
                ("capacity", self._guard_capacity),
                ("replenish", self._top_up),
                ("idempotency_records", lambda: self._prune_records.execute().is_unfinished),
                ("retention", lambda: self._prune_tasks.execute() > 0),
                ("queue_names", lambda: bool(self._wake_ups.forget_unused())),
                ("series", self._sum_up.execute),
                ("unserved_queues", self._warn_of_unserved_queues),
            ]
        )

    def run(self) -> None:
        """Do all duties until SIGTERM or SIGINT.

        Exits with 1 when webhooks are no longer delivered, so that a supervisor starts it again.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self._tracer.start()
        self._callbacks.start()
        logger.info("Maintenance is ready", extra={"action": "maintenance_ready"})
        while not self._is_stopping:
            time.sleep(self.tick())
            if not self._callbacks.is_alive:
                logger.critical(
                    "A thread that delivers webhooks has ended. Maintenance ends, so that its "
                    "supervisor starts it again.",
                    extra={"action": "callbacks_ended"},
                )
                sys.exit(1)
        self._callbacks.stop()
        self._tracer.stop()
        self._heartbeat.execute(self._process, last=True)
        logger.info("Maintenance has stopped", extra={"action": "maintenance_stopped"})

    def _stop(self, *_: object) -> None:
        self._is_stopping = True

    def tick(self) -> float:
        """Give every duty a turn. Returns the seconds to wait before the next tick."""
        more = False
        try:
            for name, duty in list(self._duties):
                self._do("heartbeat", self._beat)
                more |= self._do(name, duty)
        except StoreUnavailable as error:
            if not self._away:
                logger.warning(
                    "Cannot reach the store: %s", error.reason, extra={"action": "store_away"}
                )
            self._away = True
            return TICK_SECONDS
        if self._away:
            logger.info("The store is back", extra={"action": "store_back"})
        self._away = False
        return 0 if more else TICK_SECONDS

    def _do(self, name: str, duty: Duty) -> bool:
        """Do a duty and return whether it has more to do. Raises StoreUnavailable.

        Any other error, and a full store, is logged once and does not delay the other duties.
        """
        try:
            more = duty()
        except StoreFull as error:  # other duties need no memory, or free some
            return self._log_failure(name, error)
        except StoreUnavailable:
            self._start_next_round_after(name)
            raise
        except Exception as error:
            return self._log_failure(name, error)
        if self._failures.pop(name, None):
            logger.info(
                "A duty that failed works again", extra={"action": "duty_back", "duty": name}
            )
        return more

    def _log_failure(self, name: str, error: Exception) -> bool:
        """Log the error of a duty, once. Returns False: the duty waits for the next tick."""
        if self._failures.get(name) != repr(error):
            logger.error(
                "A duty failed; the others continue",
                exc_info=error,
                extra={"action": "duty_failed", "duty": name},
            )
        self._failures[name] = repr(error)
        return False

    def _start_next_round_after(self, name: str) -> None:
        """Start the next round after this duty, so that it does not starve the others."""
        names = [each for each, _ in self._duties]
        if name in names:
            self._duties.rotate(-1 - names.index(name))

    def _recover_runs(self) -> bool:
        sweep = self._recover.execute()
        for task in sweep.tasks:
            logger.warning(
                "Recovered a run whose lease ran out",
                extra={"action": "task_recovered", "task_id": task.task_id, "status": task.status},
            )
        return sweep.is_unfinished

    def _make_slots(self) -> bool:
        swept = self._start_slots.execute()
        for schedule in swept.skipped:
            skip = schedule.last_skip
            logger.info(
                "A schedule skipped slots",
                extra={
                    "action": "schedule_skipped",
                    "schedule": schedule.name,
                    "reason": skip and skip.reason,
                    "slots": skip and skip.slots,
                },
            )
        return swept.is_unfinished

    def _guard_capacity(self) -> bool:
        self._capacity.execute()
        return False

    def _top_up(self) -> bool:
        self._wake_ups.top_up_all()
        return False

    def _beat(self) -> bool:
        if time.monotonic() >= self._next_beat:
            sent = self._heartbeat.execute(self._process)
            self._next_beat = time.monotonic() + (BEAT_SECONDS if sent else 1.0)
        return False

    def _warn_of_unserved_queues(self) -> bool:
        if time.monotonic() < self._next_look:
            return False
        self._next_look = time.monotonic() + BEAT_SECONDS
        for queue in self._find_unserved.execute():
            logger.warning(
                "Tasks wait in the queue %s, and no worker serves it. Start one with "
                "TASKS_QUEUES=%s.",
                queue,
                queue,
                extra={"action": "queue_unserved", "queue": queue},
            )
        return False
