"""Passes on what running work says, five times a second and at its end.

Work that prints a gigabyte must not keep Redis busy: only the last lines are kept there anyway.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager

from adapters.supervision.task_process import TaskProcess
from application.errors import StoreUnavailable
from application.json_values import replace_surrogates
from application.ports.run import LINES_KEPT, LOG_BYTES, RunContext, RunContexts, RunInterrupt, RunLog
from domain.task import Progress, Task

PAUSE_SECONDS = 0.2
LINE_LENGTH = 2_000

logger = logging.getLogger(__name__)


class RunReporter(RunContexts):
    """One per process that runs tasks."""

    def __init__(self, run_log: RunLog, interrupt: RunInterrupt, process: TaskProcess) -> None:
        self._run_log = run_log
        self._interrupt = interrupt
        self._process = process
        self._run: ReportedRun | None = None
        self._thread: threading.Thread | None = None
        self._sleep = time.sleep  # work may replace it

    def of(self, run: Task) -> AbstractContextManager[RunContext]:
        self._run = reported = ReportedRun(run, self._run_log, self._interrupt, self._process)
        if self._thread is None:
            self._thread = threading.Thread(target=self._pass_on_forever, name="run-reporter", daemon=True)
            self._thread.start()
        return reported

    def _pass_on_forever(self) -> None:
        while True:
            self._sleep(PAUSE_SECONDS)
            if self._run is not None:
                self._run.pass_on()


class ReportedRun(RunContext, AbstractContextManager[RunContext]):
    """What one run said and nobody has passed on yet: a bounded amount, whatever the work does.

    Saying something takes no lock: the work may be interrupted at any point of it.
    """

    def __init__(self, run: Task, run_log: RunLog, interrupt: RunInterrupt, process: TaskProcess) -> None:
        self._run = run
        self._run_log = run_log
        self._interrupt = interrupt
        self._process = process
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        """Bytes in `_lines`; too many by a few lines when work speaks while they are passed on, until the next time."""
        self._progress: Progress | None = None
        self._passing = threading.Lock()
        self._is_over = False

    def __exit__(self, *_: object) -> None:
        """Passes on what is left; a thread of the work that goes on is not heard any more.

        A copy of the process, made by os.fork() in the work, ends here, before it can finish the run.
        """
        self._process.end_copy()
        try:
            self.pass_on()
        finally:
            self._is_over = True

    @property
    def cancelled(self) -> bool:
        return self._interrupt.asked

    def progress(self, fraction: float, message: str = "") -> None:
        number = float(fraction)
        within = min(max(number, 0.0), 1.0) if number == number else 0.0  # NaN is no progress
        self._progress = Progress(fraction=within, message=_shortened(str(message)))

    def log(self, message: str) -> None:
        line = _shortened(str(message)).encode()
        self._lines.append(line)
        self._bytes += len(line)
        while len(self._lines) > LINES_KEPT or self._bytes > LOG_BYTES:
            dropped = self._take_line()
            if dropped is None:
                break
            self._bytes -= len(dropped)

    def on_stop(self, stop: Callable[[], None]) -> AbstractContextManager[None]:
        return self._interrupt.instead(stop)

    def pass_on(self) -> None:
        with self._passing:
            if self._is_over:
                return
            progress, self._progress = self._progress, None
            self._bytes = 0
            taken = [self._take_line() for _ in range(len(self._lines))]
            lines = [line.decode() for line in taken if line is not None]
            if not lines and progress is None:
                return
            try:
                self._run_log.keep(self._run, progress=progress, lines=lines)
            except StoreUnavailable as error:
                logger.warning(
                    "Dropped what a run said: %s",
                    error.reason,
                    extra={"action": "report_dropped", "task_id": self._run.task_id},
                )

    def _take_line(self) -> bytes | None:
        """Return the oldest line; None when another thread took the last one."""
        try:
            return self._lines.popleft()
        except IndexError:
            return None


def _shortened(text: str) -> str:
    """As UTF-8 can hold it, and no longer than a line may be."""
    kept = text if len(text) <= LINE_LENGTH else f"{text[:LINE_LENGTH]}… ({len(text) - LINE_LENGTH} characters more)"
    return replace_surrogates(kept)
