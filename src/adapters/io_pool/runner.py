"""Runs tasks on an event loop. Its thread, the main one, runs nothing but the work of tasks."""

import asyncio
import contextvars
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

from adapters.io_pool.board import Board
from adapters.io_pool.host_limits import HostLimits
from adapters.io_pool.io_run import IoRun
from adapters.io_pool.output import output_of_run
from adapters.io_pool.steps import CURRENT, LoopSteps
from adapters.supervision.task_process import TaskProcess
from application.errors import HandlerFailed, RunBlocksOthers
from application.handler_outcomes import HandlerOutcomes
from application.ports.run import RunLog
from application.ports.task_handlers import TaskHandlers
from application.redacting_context import open_run
from application.run_outcome import RunOutcome, Stopped
from application.use_cases.worker.trace_run import TraceRun
from domain.task import Task
from domain.task_spec import IO

PATIENCE_SECONDS = 0.5
"""Time for which a run may go on after it was asked to stop. It is not resumed after that."""
KILL_SECONDS = 1.25
"""Time after which the parent kills the process if the run is not over then: it has threads, or
nothing else in this process gets to run."""
PULSE_SECONDS = 0.1
LEFTOVER_SECONDS = 0.02
"""Pause between two looks at the tasks and threads that a run has left."""
MAX_BLOCKS = 3
"""A type that has blocked the others so often is not tried here any more."""

logger = logging.getLogger(__name__)


class Runner:
    def __init__(
        self,
        *,
        handlers: TaskHandlers,
        outcomes: HandlerOutcomes,
        trace_run: TraceRun,
        run_log: RunLog,
        host_limits: HostLimits,
        board: Board,
        process: TaskProcess,
        barred_types: Sequence[str] = (),
    ) -> None:
        """`barred_types` are those of tasks that have brought down a process of this worker."""
        self._handlers = handlers
        self._outcomes = outcomes
        self._trace_run = trace_run
        self._run_log = run_log
        self._host_limits = host_limits
        self._board = board
        self._process = process
        self._blocks = dict.fromkeys(barred_types, MAX_BLOCKS)
        self._is_pulsing = False
        self.steps = LoopSteps(board)
        self.loop: asyncio.AbstractEventLoop
        self.runs: dict[int, IoRun] = {}
        """The runs that go on, by slot. Other threads may only read it."""
        self.ended: deque[tuple[IoRun, RunOutcome]] = deque()
        """The runs that have ended, for the clerk."""
        self.notify: Callable[[], None] = lambda: None
        """Called when a run has ended."""

    def begin(self, runs: Sequence[Task]) -> None:
        for task in runs:
            run = IoRun(task, self._run_log, self._process)
            context = contextvars.Context()
            context.run(CURRENT.set, run.steps)
            self.runs[run.slot] = run
            run.main = self.steps.task_of(run.steps, self.loop, self._work(run), context=context)
            run.main.add_done_callback(partial(self._look_at_the_end, run))
            left = max(run.deadline - time.monotonic(), 0)
            run.timer = self.loop.call_later(left, self.stop, run)
        if not self._is_pulsing:
            self._pulse()

    def stop(self, run: IoRun) -> None:
        """Ask a run to end: cancelled, out of time, or its lease is lost."""
        present = self.runs.get(run.slot)
        if present is not run:  # it ended while the clerk asked for this
            if present is None or not present.is_stopping:
                self._board.must_end_by(run.slot, None)
            return
        if run.is_stopping:
            return
        run.stop.was_requested = True
        self._board.must_end_by(run.slot, time.monotonic() + KILL_SECONDS)
        run.main.cancel()
        self.loop.call_later(PATIENCE_SECONDS, self._resume_no_more, run)

    async def _work(self, run: IoRun) -> RunOutcome:
        task = run.run
        if task.trace is None:
            return await self._outcome(run)
        with self._trace_run.span(task, task.trace) as note:
            outcome = await self._outcome(run)
            note(outcome)
            return outcome

    async def _outcome(self, run: IoRun) -> RunOutcome:
        task = run.run
        try:
            handler = self._handlers.of_type(task.spec.type)
            if handler.type.pool != IO or self._blocks.get(task.spec.type, 0) >= MAX_BLOCKS:
                raise RunBlocksOthers
            opened, context = open_run(task, run.context)
            self._enter_host(run, handler.host_of(opened))
            with output_of_run(context.log):
                result = await handler.run_async(opened, context)
        except asyncio.CancelledError as error:
            if run.is_stopping:
                return Stopped()
            return self._outcomes.of_error(task, HandlerFailed(f"CancelledError: {error}"))
        except (RunBlocksOthers, Exception) as error:
            return self._outcomes.of_error(task, error)
        return self._outcomes.of_result(task, result)

    def _enter_host(self, run: IoRun, host: str | None) -> None:
        """Raises HostBusy."""
        if host is not None:
            self._host_limits.enter(host, run.slot)
            run.host = host

    def _resume_no_more(self, run: IoRun) -> None:
        if self.runs.get(run.slot) is run:
            run.steps.is_refused = True
            for task in list(run.steps.tasks):
                task.cancel()

    def _look_at_the_end(self, run: IoRun, main: "asyncio.Task[RunOutcome]") -> None:
        """End a run whose function is over, when its other tasks are over, too.

        They are cancelled, as asyncio.run does. A stopped run lasts as long as its threads.
        """
        left = [task for task in run.steps.tasks if task is not main and not task.done()]
        if left and not run.steps.is_refused:
            for task in left:
                task.cancel()
            self.loop.call_later(PATIENCE_SECONDS, self._resume_no_more, run)
        if left or (run.is_stopping and run.steps.threads):
            self.loop.call_later(LEFTOVER_SECONDS, self._look_at_the_end, run, main)
            return
        self._finish(run, self._outcome_of(run, main))

    def _outcome_of(self, run: IoRun, main: "asyncio.Task[RunOutcome]") -> RunOutcome:
        task = run.run
        if run.steps.blocks_others:
            self._blocks[task.spec.type] = self._blocks.get(task.spec.type, 0) + 1
            run.context.log("This run kept others waiting. It starts again in another process.")
            return self._outcomes.of_error(task, RunBlocksOthers())
        if main.cancelled():
            return Stopped()
        if (error := main.exception()) is not None:
            return self._outcomes.of_error(task, error)
        return main.result()

    def _finish(self, run: IoRun, outcome: RunOutcome) -> None:
        run.timer.cancel()
        with ExitStack() as last:
            last.callback(self.notify)
            last.callback(self.ended.append, (run, outcome))
            last.callback(self._board.must_end_by, run.slot, None)
            last.callback(self.runs.pop, run.slot)
            if run.host is not None:
                self._host_limits.leave(run.host, run.slot)

    def _pulse(self) -> None:
        """Show the watch and the parent that the loop turns, while runs go on."""
        self._is_pulsing = bool(self.runs)
        self._board.pulse(has_runs=self._is_pulsing)
        if self._is_pulsing:
            self.loop.call_later(PULSE_SECONDS, self._pulse)
