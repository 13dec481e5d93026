"""Celery's prefork pool, whose children leave at once when they stop or are to be replaced."""

import logging
import os
from typing import Any

from billiard.pool import EX_FAILURE, EX_OK, EX_RECYCLE
from celery.concurrency.asynpool import AsynPool, Worker
from celery.concurrency.prefork import TaskPool

from adapters.supervision.retirement import Retirement

logger = logging.getLogger(__name__)


def retiring_pool(retirement: Retirement) -> type[Any]:
    """Return a pool whose children leave when their copy of `retirement` is due.

    A child leaves when it would wait for its next wake-up. The result of the last one is on its way
    to the parent then, and no run is held.
    """

    class RetiringWorker(Worker):
        wait_for_job: Any
        on_exit: Any

        def on_loop_start(self, pid: int) -> None:
            super().on_loop_start(pid)
            receive = self.wait_for_job

            def receive_or_retire() -> Any:
                if retirement.is_due:
                    retirement.end_process(EX_RECYCLE)  # the parent sees an orderly end
                return receive()

            self.wait_for_job = receive_or_retire

        def _ensure_messages_consumed(self, completed: int) -> bool:
            """Return at once: what the parent has not read is about wake-ups, which are disposable.

            A parent that stops reads no more, and billiard would wait for it for 30 seconds.
            """
            return True

        def _do_exit(
            self, pid: int, exitcode: int | None, exc: BaseException | None = None
        ) -> None:
            """Leave without billiard's sleep of a second: the parent sees the process end."""
            if self.on_exit is not None:
                self.on_exit(pid, exitcode)
            os._exit((EX_FAILURE if exc else EX_OK) if exitcode is None else exitcode)

    class RetiringAsynPool(AsynPool):
        Worker = RetiringWorker
        _pool: list[Any]
        _queues: dict[Any, Any]
        _find_worker_queues: Any
        was_refused = False
        """True if the system refused to start the last child."""

        def _create_worker_process(self, i: int) -> Any:
            """Start a child, or go on without it: the pool tries again every 5 seconds.

            Work that forks without end must not end the worker, which ends that work in time. The
            error of billiard, whose list then has a process that never started, would do so.
            """
            if self.was_refused and not can_fork():  # billiard leaks a pipe at each refusal
                return None
            try:
                process = super()._create_worker_process(i)  # type: ignore[misc]  # not in the stubs
            except OSError as error:
                self._forget_unstarted()
                if not self.was_refused:
                    logger.error(
                        "A child cannot be started (%s). The others go on, and the worker tries "
                        "again every 5 seconds.",
                        error,
                        extra={"action": "child_refused"},
                    )
                self.was_refused = True
                return None
            self.was_refused = False
            return process

        def _forget_unstarted(self) -> None:
            for process in [each for each in self._pool if each._popen is None]:
                self._pool.remove(process)
                self._queues[self._find_worker_queues(process)] = None

        def _track_child_process(self, proc: Any, hub: Any) -> None:
            """Skip a child that ended while the connection was lost: the pool replaces it.

            After a reconnect Celery 5.7 registers such a child with the event loop again. Its
            descriptor is closed by then, so the worker ends with "file descriptor is None".
            """
            if getattr(proc, "_sentinel_poll", True) is not None:
                super()._track_child_process(proc, hub)  # type: ignore[misc]  # not in the stubs

    class RetiringPool(TaskPool):
        Pool = RetiringAsynPool

    return RetiringPool


def can_fork() -> bool:
    """Return whether the system lets this process start another one now."""
    try:
        pid = os.fork()
    except OSError:
        return False
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return True
