"""One run of the I/O pool, from its claim to its end."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from adapters.handlers.run_context import BufferedRunContext
from adapters.io_pool.steps import RunSteps
from adapters.supervision.task_process import TaskProcess
from application.owners import slot_of
from application.ports.run import RunInterrupt, RunLog
from application.run_outcome import RunOutcome
from domain.task import Task


class RequestedStop(RunInterrupt):
    """Says whether a run was asked to stop. The pool interrupts the work by cancelling it."""

    was_requested = False

    def allowed(self) -> AbstractContextManager[None]:
        raise NotImplementedError("the pool cancels the task of a run")

    def on_stop(self, stop: Callable[[], None]) -> AbstractContextManager[None]:
        raise NotImplementedError("the pool cancels the task of a run")


class IoRun:
    def __init__(self, run: Task, run_log: RunLog, process: TaskProcess) -> None:
        self.run = run
        self.slot = slot_of(run.owner or "") or 0
        self.steps = RunSteps(self.slot)
        self.stop = RequestedStop()
        self.context = BufferedRunContext(run, run_log, self.stop, process)
        self.deadline = time.monotonic() + run.spec.effective_timeout
        self.host: str | None = None
        """The host that the run waits for, while it counts for the limits."""
        self.main: asyncio.Task[RunOutcome]
        self.timer: asyncio.TimerHandle

    @property
    def is_stopping(self) -> bool:
        return self.stop.was_requested
