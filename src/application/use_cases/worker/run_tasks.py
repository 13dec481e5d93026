"""Run the tasks of a queue: claim, run, finish."""

import logging
from collections.abc import Callable
from datetime import timedelta
from itertools import count

from application.errors import RunStillHeld, StaleTask, StoreUnavailable
from application.ports.clock import Clock
from application.ports.run import LeaseKeeper
from application.ports.task_leases import TaskLeases
from application.ports.task_repository import Change
from application.run_end_text import failure_line
from application.run_outcome import RunEnd, RunOutcome, Stopped
from application.use_cases.worker.finish_run import FinishRun, log_end
from application.use_cases.worker.run_handler import RunHandler
from domain.task import Task

MAX_CLAIM_ATTEMPTS = 10
PAUSE_SECONDS = 0.5

logger = logging.getLogger(__name__)


class RunTasks:
    """Runs tasks one at a time, each under a lease. One instance per process that runs tasks."""

    def __init__(
        self,
        *,
        leases: TaskLeases,
        run_handler: RunHandler,
        finish_run: FinishRun,
        keeper: LeaseKeeper,
        clock: Clock,
        owner: str,
    ) -> None:
        """`owner` names this process; no other process ever had that name."""
        self._leases = leases
        self._run_handler = run_handler
        self._finish_run = finish_run
        self._keeper = keeper
        self._clock = clock
        self._owner = owner
        self._claims = count(1)

    def execute(self, queue: str, go_on: Callable[[], bool] = lambda: False) -> int:
        """Run the first waiting task, then the next while `go_on` returns True.

        Returns how many ran.

        The end of each run is saved, unless its lease was lost.
        """
        done = 0
        try:
            run = self._claim(queue, self._new_claim_id())
            while run is not None:
                end = self._run(run)
                done += 1
                if not go_on():
                    self._finish_run.execute(end)
                    break
                run = self._finish_and_claim(end, queue)
            return done
        finally:
            self._keeper.release()

    def _claim(self, queue: str, claim_id: str) -> Task | None:
        """Claim the first waiting task; returns None when none waits or the store stays
        unavailable.

        Each attempt has the same claim id: an earlier one may have succeeded and lost its reply.
        """
        for _ in range(MAX_CLAIM_ATTEMPTS):
            self._keeper.arm()
            try:
                return self._leases.claim(queue, owner=self._owner, claim_id=claim_id)
            except RunStillHeld as error:
                self._finish_run.execute(self._end(error.run, Stopped(), seconds=0))
            except StoreUnavailable as error:
                extra = {"action": "claim_failed", "queue": queue}
                logger.warning("Cannot claim: %s", error.reason, extra=extra)
                self._clock.sleep(PAUSE_SECONDS)
        return None

    def _run(self, run: Task) -> RunEnd:
        began = self._clock.monotonic()
        self._keeper.start_renewing(run)
        outcome = self._run_handler.execute(run)
        self._keeper.stop_renewing()
        return self._end(run, outcome, seconds=self._clock.monotonic() - began)

    def _finish_and_claim(self, end: RunEnd, queue: str) -> Task | None:
        """Save the end and claim the next task in one round trip, the main cost of a short task.

        Falls back to two steps, which find out what was saved, when that fails.
        """
        claim_id = self._new_claim_id()
        self._keeper.arm()
        try:
            after = end.apply(end.run)
            change = Change(before=end.run, after=after, log=failure_line(end.run, after, end.at))
            following = self._leases.finish_and_claim(
                change, queue, owner=self._owner, claim_id=claim_id
            )
        except (StoreUnavailable, StaleTask, RunStillHeld):
            pass
        except Exception:
            extra = {"action": "turn_failed", "task_id": end.run.task_id}
            logger.exception("Cannot finish and claim at once", extra=extra)
        else:
            log_end(end, after)
            return following
        self._finish_run.execute(end)
        return self._claim(queue, claim_id)

    def _end(self, run: Task, outcome: RunOutcome, *, seconds: float) -> RunEnd:
        """Date the end by the store's clock, which set the start; this host's clock may be
        wrong."""
        started_at = run.started_at or self._clock.now()
        return RunEnd(run, outcome, at=started_at + timedelta(seconds=seconds))

    def _new_claim_id(self) -> str:
        return str(next(self._claims))
