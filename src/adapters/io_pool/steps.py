"""Count every step of a run's coroutines: so it is known which run has the loop, and a run that
ignores its cancel can be ended for good. A coroutine that is not resumed does nothing.
"""

import asyncio
import contextvars
from collections.abc import Coroutine, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from adapters.io_pool.board import NOBODY, ON_LOOP, STEP, Board
from application.errors import HandlerFailed, RunBlocksOthers

MAX_THREADS = 64
"""Threads of asyncio.to_thread, for all runs of the process."""
CURRENT: contextvars.ContextVar["RunSteps | None"] = contextvars.ContextVar("run", default=None)


class RunSteps:
    """The tasks and threads of one run."""

    def __init__(self, slot: int) -> None:
        self.slot = slot
        self.is_refused = False
        """True when no coroutine of the run is resumed any more."""
        self.blocks_others = False
        """True when a step of the run was interrupted, because it let no other run."""
        self.tasks: set[asyncio.Task[Any]] = set()
        self.threads = 0


class LoopSteps:
    """The steps of all runs of a loop. It belongs to the main thread."""

    def __init__(self, board: Board) -> None:
        self._words = board.words
        self.current: RunSteps | None = None
        self.number = 0
        self._to_interrupt = -1

    def ask_to_interrupt(self, number: int) -> None:
        """Have the next signal interrupt this step, unless it is over by then. For any thread."""
        self._to_interrupt = number

    def interrupt(self, *_: Any) -> None:
        """Handle the signal: Python calls this in the main thread, within whatever runs there."""
        if self.current is not None and self.number == self._to_interrupt:
            self._to_interrupt = -1
            self.current.blocks_others = True
            raise RunBlocksOthers

    def create_task(
        self, loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any
    ) -> asyncio.Task[Any]:
        """Create a task, as the task factory of the loop."""
        run = CURRENT.get()
        if run is None or not asyncio.iscoroutine(coroutine):
            return asyncio.Task(coroutine, loop=loop, **options)
        return self.task_of(run, loop, coroutine, **options)

    def task_of(
        self, run: RunSteps, loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any
    ) -> asyncio.Task[Any]:
        counted: Any = _Counted(coroutine, run, self)
        task: asyncio.Task[Any] = asyncio.Task(counted, loop=loop, **options)
        run.tasks.add(task)
        task.add_done_callback(run.tasks.discard)
        return task

    def enter(self, run: RunSteps) -> None:
        self.number += 1
        words = self._words
        words[STEP] = self.number
        words[ON_LOOP] = run.slot
        self.current = run

    def leave(self) -> None:
        self.current = None
        self._words[ON_LOOP] = NOBODY


class _Counted(Coroutine[Any, Any, Any]):
    """A coroutine that says at each of its steps which run it belongs to."""

    __slots__ = ("_coroutine", "_run", "_steps")

    def __init__(self, coroutine: Any, run: RunSteps, steps: LoopSteps) -> None:
        self._coroutine, self._run, self._steps = coroutine, run, steps

    def send(self, value: Any) -> Any:
        return self._step(self._coroutine.send, value)

    def throw(self, *error: Any) -> Any:
        return self._step(self._coroutine.throw, *error)

    def close(self) -> None:
        """Let the coroutine clean up as far as that does not wait. One that waits is left there."""
        with suppress(BaseException):
            self._step(self._coroutine.close, is_last=True)

    def __await__(self) -> Generator[Any, Any, Any]:
        return self  # it has send, throw and close

    def __iter__(self) -> "_Counted":
        return self

    def __next__(self) -> Any:
        return self.send(None)

    def __getattr__(self, name: str) -> Any:
        """Return cr_frame and the like, for debuggers."""
        return getattr(self._coroutine, name)

    def _step(self, step: Any, *arguments: Any, is_last: bool = False) -> Any:
        if self._run.is_refused and not is_last:
            self.close()
            raise asyncio.CancelledError
        steps = self._steps
        outer = steps.current
        steps.enter(self._run)
        try:
            return step(*arguments)
        except RunBlocksOthers:
            self._coroutine.close()  # the signal may have come behind the code of the step
            raise
        except (SystemExit, KeyboardInterrupt) as error:  # they would end the loop
            raise HandlerFailed(f"{type(error).__name__}: {error}") from error
        finally:
            if outer is None:
                steps.leave()
            else:
                steps.enter(outer)


class RunThreads(ThreadPoolExecutor):
    """The threads of asyncio.to_thread, counted for their run: a thread cannot be stopped."""

    def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        run = CURRENT.get()
        future = super().submit(function, *arguments, **options)
        if run is not None:
            run.threads += 1
            future.add_done_callback(lambda _: _count_down(run))
        return future


def _count_down(run: RunSteps) -> None:
    run.threads -= 1
