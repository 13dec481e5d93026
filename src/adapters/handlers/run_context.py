"""The context of a run: buffers its reports and stores them five times a second and at its end.

Buffering keeps work that prints a gigabyte from flooding Redis, which holds only the last lines.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

from adapters.supervision.task_process import TaskProcess
from application.errors import StoreUnavailable
from application.json_values import replace_surrogates
from application.ports.run import (
    MAX_LOG_BYTES,
    MAX_LOG_LINES,
    RunContext,
    RunContextFactory,
    RunInterrupt,
    RunLog,
    RunReport,
)
from domain.task import Task
from domain.task_state import Progress

FLUSH_SECONDS = 0.2
MAX_LINE_LENGTH = 2_000
"""Characters."""

logger = logging.getLogger(__name__)


class BufferedRunContextFactory(RunContextFactory):
    """Opens contexts, and flushes the current one in a thread. One per process that runs tasks."""

    def __init__(self, run_log: RunLog, interrupt: RunInterrupt, process: TaskProcess) -> None:
        self._run_log = run_log
        self._interrupt = interrupt
        self._process = process
        self._current: BufferedRunContext | None = None
        self._thread: threading.Thread | None = None
        self._sleep = time.sleep  # a reference of its own, since work may replace time.sleep

    def open(self, run: Task) -> AbstractContextManager[RunContext]:
        context = BufferedRunContext(run, self._run_log, self._interrupt, self._process)
        self._current = context
        if self._thread is None:
            thread = threading.Thread(target=self._flush_forever, name="run-context", daemon=True)
            with suppress(RuntimeError):  # without it, a run stores its reports at its end
                thread.start()
                self._thread = thread
        return context

    def _flush_forever(self) -> None:
        while True:
            self._sleep(FLUSH_SECONDS)
            if self._current is not None:
                self._current.flush()


class BufferedRunContext(RunContext, AbstractContextManager[RunContext]):
    """Holds the reports of one run that are not stored yet. Its memory is bounded.

    Reporting takes no lock, because a request to stop may interrupt the work at any point of it.
    """

    def __init__(
        self, run: Task, run_log: RunLog, interrupt: RunInterrupt, process: TaskProcess
    ) -> None:
        self._run = run
        self._run_log = run_log
        self._interrupt = interrupt
        self._process = process
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        """Bytes in `_lines`.

        Lines that arrive during a flush make it too high until the next one.
        """
        self._progress: Progress | None = None
        self._flushing = threading.Lock()
        self._is_over = False

    def __exit__(self, *_: object) -> None:
        """Flush, and ignore threads of the work that report later.

        End a copy of the process, made by os.fork() in the work, before it can finish the run.
        """
        self._process.end_copy()
        try:
            self.flush()
        finally:
            self._is_over = True

    @property
    def cancelled(self) -> bool:
        return self._interrupt.was_requested

    def progress(self, fraction: float, message: str = "") -> None:
        number = float(fraction)
        is_nan = number != number
        within = 0.0 if is_nan else min(max(number, 0.0), 1.0)
        self._progress = Progress(fraction=within, message=_shorten(str(message)))

    def log(self, message: str) -> None:
        line = _shorten(str(message)).encode()
        self._lines.append(line)
        self._bytes += len(line)
        while len(self._lines) > MAX_LOG_LINES or self._bytes > MAX_LOG_BYTES:
            dropped = self._take_line()
            if dropped is None:
                break
            self._bytes -= len(dropped)

    def on_stop(self, stop: Callable[[], None]) -> AbstractContextManager[None]:
        return self._interrupt.on_stop(stop)

    def flush(self) -> None:
        """Store the buffered reports. Drops them while the store is unavailable or damaged."""
        with self._flushing:
            report = None if self._is_over else self.take()
            if report is None:
                return
            try:
                self._run_log.append(self._run, progress=report.progress, lines=report.lines)
            except Exception as error:  # reports are no part of the result
                logger.warning(
                    "Dropped reports of a run: %s",
                    error.reason if isinstance(error, StoreUnavailable) else repr(error),
                    extra={"action": "report_dropped", "task_id": self._run.task_id},
                )

    def take(self) -> RunReport | None:
        """Return what was reported since the last call, for a caller that stores it; or None."""
        progress, self._progress = self._progress, None
        self._bytes = 0
        taken = [self._take_line() for _ in range(len(self._lines))]
        lines = [line.decode() for line in taken if line is not None]
        if not lines and progress is None:
            return None
        return RunReport(run=self._run, progress=progress, lines=lines)

    def _take_line(self) -> bytes | None:
        """Return the oldest line, or None when another thread took the last one."""
        try:
            return self._lines.popleft()
        except IndexError:
            return None


def _shorten(text: str) -> str:
    """Cut the text to the length of a line, and replace what UTF-8 cannot hold."""
    omitted = len(text) - MAX_LINE_LENGTH
    kept = text if omitted <= 0 else f"{text[:MAX_LINE_LENGTH]}… ({omitted} characters more)"
    return replace_surrogates(kept)
