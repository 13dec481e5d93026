"""The process of the I/O pool: the loop in its main thread, the clerk and the watch beside it."""

import asyncio
import os
import signal
from dataclasses import dataclass

from adapters.io_pool.clerk import Clerk
from adapters.io_pool.output import separate_outputs
from adapters.io_pool.runner import Runner
from adapters.io_pool.steps import MAX_THREADS, RunThreads
from adapters.io_pool.watch import Watch

WAKE, LEAVE = b"w", b"q"
"""What the parent writes into the pipe."""
CHUNK_BYTES = 4_096


@dataclass(frozen=True)
class IoPool:
    runner: Runner
    clerk: Clerk
    watch: Watch


class IoProcess:
    """Runs until the parent says that the worker stops and the last run is over."""

    def __init__(self, pool: IoPool, wake_descriptor: int) -> None:
        """`wake_descriptor` is the end of the parent's pipe that is read."""
        self._pool = pool
        self._wake_descriptor = wake_descriptor
        self._loop = asyncio.new_event_loop()

    def run(self) -> None:
        """Run in the main thread."""
        runner, loop = self._pool.runner, self._loop
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, _ignore_signal)
        separate_outputs()
        asyncio.set_event_loop(loop)
        loop.set_task_factory(runner.steps.create_task)
        loop.set_default_executor(RunThreads(MAX_THREADS, thread_name_prefix="run"))
        runner.loop, runner.notify = loop, self._pool.clerk.notify
        self._pool.clerk.at_end = loop.stop
        os.set_blocking(self._wake_descriptor, False)
        loop.add_reader(self._wake_descriptor, self._hear)
        self._pool.watch.start()
        self._pool.clerk.thread.start()
        loop.run_forever()

    def _hear(self) -> None:
        try:
            heard = os.read(self._wake_descriptor, CHUNK_BYTES)
        except BlockingIOError:
            return
        if not heard:  # the parent is gone
            self._loop.remove_reader(self._wake_descriptor)
            self._pool.clerk.leave()
            return
        if LEAVE in heard:
            self._pool.clerk.leave()
        self._pool.clerk.wake()


def _ignore_signal(*_: object) -> None:
    """Handle a signal by doing nothing. Programs would inherit SIG_IGN, but not this."""
