"""Talks to the store for all runs of an I/O process, in a thread of its own."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from adapters.io_pool.board import TAKEN, Board
from adapters.io_pool.io_run import IoRun
from adapters.io_pool.runner import KILL_SECONDS, PATIENCE_SECONDS, Runner
from application.errors import StoreUnavailable
from application.owners import slot_of
from application.ports.run import RunLog, RunReport
from application.run_outcome import Stopped
from application.use_cases.worker.run_together import RunTogether
from application.use_cases.worker.trace_run import TraceRun
from domain.task import Task

RENEW_SECONDS = 1.0
"""Pause between two renewals of all leases, which also tell of cancel requests."""
REPORT_SECONDS = 0.2
RETRY_SECONDS = 0.25
REST_SECONDS = 60.0
MAX_SILENT_SECONDS = 1.0
"""Nothing is claimed while the loop has not turned for so long."""

logger = logging.getLogger(__name__)


class Clerk:
    def __init__(
        self,
        *,
        together: RunTogether,
        runner: Runner,
        run_log: RunLog,
        trace_run: TraceRun,
        board: Board,
        renew_seconds: float,
    ) -> None:
        """`renew_seconds` is a fifth of a lease."""
        self._together = together
        self._runner = runner
        self._run_log = run_log
        self._trace_run = trace_run
        self._board = board
        self._renew_pause = min(renew_seconds, RENEW_SECONDS)
        self.at_end: Callable[[], None] = lambda: None
        """Called in the loop after the last run, when the worker leaves."""
        self._event = threading.Event()
        self._is_woken = True
        self._is_leaving = False
        self._renew_at = self._report_at = 0.0
        self._sleep, self._monotonic = time.sleep, time.monotonic
        """References of its own: work may replace these functions, as tests do."""
        self.thread = threading.Thread(target=self._run, name="clerk", daemon=True)

    def wake(self) -> None:
        """Look for tasks in all queues."""
        self._is_woken = True
        self._event.set()

    def leave(self) -> None:
        """Claim nothing more, and end with the last run."""
        self._is_leaving = True
        self._event.set()

    def notify(self) -> None:
        """Save the ends of runs."""
        self._event.set()

    def _run(self) -> None:
        while not (self._is_leaving and self._is_idle):
            self._wait()
            try:
                self._turn()
                self._renew_if_due()
                self._report_if_due()
            except StoreUnavailable as error:
                extra = {"action": "store_away"}
                logger.warning("Cannot reach the store: %s", error.reason, extra=extra)
                self._sleep(RETRY_SECONDS)
            except Exception:
                extra = {"action": "clerk_failed"}
                logger.exception("The clerk failed and will try again", extra=extra)
                self._sleep(RETRY_SECONDS)
        self._runner.loop.call_soon_threadsafe(self.at_end)

    @property
    def _is_idle(self) -> bool:
        return not (self._together.taken or self._runner.ended or self._together.has_unsaved)

    def _wait(self) -> None:
        now = self._monotonic()
        until = min(self._renew_at, self._report_at) if self._together.taken else now + REST_SECONDS
        has_work = self._runner.ended or self._together.has_unsaved or self._may_claim()
        if not has_work:
            self._event.wait(max(until - now, 0))
        self._event.clear()

    def _may_claim(self) -> bool:
        if self._is_leaving or self._board.silent_seconds > MAX_SILENT_SECONDS:
            return False
        if self._is_woken:
            self._is_woken = False
            self._together.wake()
        return self._together.may_claim

    def _turn(self) -> None:
        """Save what has ended, and claim what waits, in one round trip."""
        ended = [self._runner.ended.popleft() for _ in range(len(self._runner.ended))]
        for run, outcome in ended:
            self._together.end(run.run, outcome)
        self._store([run for run, _ in ended])
        try:
            begun = self._together.turn(claim=self._may_claim())
        finally:
            self._board.words[TAKEN] = self._together.taken
        if self._is_leaving:
            for task in begun:
                self._together.end(task, Stopped())
        elif begun:
            for task in begun:
                self._trace_run.record_wait(task)
            self._runner.loop.call_soon_threadsafe(self._runner.begin, begun)

    def _renew_if_due(self) -> None:
        now = self._monotonic()
        if now < self._renew_at or not self._together.taken:
            return
        orders = self._together.renew()
        self._renew_at = now + self._renew_pause
        for task in (*orders.to_stop, *orders.lost):
            self._stop(task)

    def _stop(self, task: Task) -> None:
        run = self._runner.runs.get(slot_of(task.owner or "") or 0)
        if run and run.run.fencing_token == task.fencing_token and not run.is_stopping:
            # The loop may be blocked; the parent counts from now on in any case.
            latest = self._monotonic() + PATIENCE_SECONDS + KILL_SECONDS
            self._board.must_end_by(run.slot, latest)
            self._runner.loop.call_soon_threadsafe(self._runner.stop, run)

    def _report_if_due(self) -> None:
        now = self._monotonic()
        if now >= self._report_at and self._together.taken:
            self._report_at = now + REPORT_SECONDS
            self._store(list(self._runner.runs.values()))

    def _store(self, runs: Sequence[IoRun]) -> None:
        """Store what runs have reported. Drops it while the store is unavailable."""
        reports: list[RunReport] = [report for run in runs if (report := run.context.take())]
        if not reports:
            return
        try:
            self._run_log.append_each(reports)
        except Exception as error:  # reports are no part of the result
            reason = error.reason if isinstance(error, StoreUnavailable) else repr(error)
            extra = {"action": "report_dropped"}
            logger.warning("Dropped reports of %d runs: %s", len(reports), reason, extra=extra)
