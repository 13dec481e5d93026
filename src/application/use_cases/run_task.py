"""Run the tasks of a queue, from claim to result."""

import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count

from application.decision import Decision
from application.errors import RunStillHeld, RunStopped, StaleTask, StoreUnavailable, TaskNotFound, UnknownTaskType
from application.ports.clock import Clock
from application.ports.lease_keeper import LeaseKeeper
from application.ports.run_interrupt import RunInterrupt
from application.ports.run_reports import RunReports
from application.ports.task_handlers import TaskHandlers
from application.ports.task_leases import TaskLeases
from application.ports.task_repository import Change
from application.reported_run import ReportedRun
from domain.task import Task, TaskError

CLAIM_TRIES = 10
PAUSE_SECONDS = 0.5

logger = logging.getLogger(__name__)

Transition = Callable[[Task], Task]


class RunTask:
    """Runs one task under a lease. One instance per process that runs tasks, and one run at a time."""

    def __init__(
        self,
        *,
        leases: TaskLeases,
        decision: Decision,
        handlers: TaskHandlers,
        reports: RunReports,
        keeper: LeaseKeeper,
        interrupt: RunInterrupt,
        clock: Clock,
        owner: str,
    ) -> None:
        """`owner` names this process; no other process has ever had that name."""
        self._leases = leases
        self._decision = decision
        self._handlers = handlers
        self._reports = reports
        self._keeper = keeper
        self._interrupt = interrupt
        self._clock = clock
        self._owner = owner
        self._claims = count(1)

    def execute(self, queue: str, go_on: Callable[[], bool] = lambda: False) -> int:
        """Runs the first task, and the next for as long as there is one and `go_on` says so; answers how many.

        Each result is kept, or refused when the lease was lost.
        """
        done = 0
        try:
            run = self._claim(queue, self._new_claim_id())
            while run is not None:
                now = self._time_of(run)
                self._keeper.keep(run)
                outcome = self._outcome(run, now)
                self._keeper.stop_renewing()
                done += 1
                if not go_on():
                    self._finish(run, outcome)
                    break
                run = self._finish_and_claim(run, outcome, queue)
            return done
        finally:
            self._keeper.release()

    def _new_claim_id(self) -> str:
        return str(next(self._claims))

    def _finish_and_claim(self, run: Task, outcome: Transition, queue: str) -> Task | None:
        """One round trip where all goes well, which is most of what a short task costs."""
        claim_id = self._new_claim_id()
        change = Change(before=run, after=outcome(run))
        self._keeper.arm()
        try:
            return self._leases.finish_and_claim(change, queue, owner=self._owner, claim_id=claim_id)
        except (StoreUnavailable, StaleTask, RunStillHeld):
            self._finish(run, outcome)
            return self._claim(queue, claim_id)

    def _claim(self, queue: str, claim_id: str) -> Task | None:
        """Repeats one claim id while the store is away: the claim may have been made and its reply lost."""
        for _ in range(CLAIM_TRIES):
            self._keeper.arm()
            try:
                return self._leases.claim(queue, owner=self._owner, claim_id=claim_id)
            except RunStillHeld as error:
                now = self._time_of(error.run)()
                self._finish(error.run, lambda task: task.stop(now))  # noqa: B023 - called before the next turn
            except StoreUnavailable as error:
                logger.warning("Cannot claim: %s", error.reason, extra={"action": "claim_failed", "queue": queue})
                self._clock.sleep(PAUSE_SECONDS)
        return None

    def _time_of(self, run: Task) -> Callable[[], datetime]:
        """The store's time, by which the run was started; this host's clock may be anything."""
        began = self._clock.monotonic()
        started_at = run.started_at or self._clock.now()
        return lambda: started_at + timedelta(seconds=self._clock.monotonic() - began)

    def _outcome(self, run: Task, now: Callable[[], datetime]) -> Transition:
        """Do the work; answers the transition that the task shall make."""
        log = {"task_id": run.task_id, "type": run.spec.type, "attempt": run.attempt}
        logger.debug("Task started", extra={"action": "task_started", **log})
        try:
            handler = self._handlers.of_type(run.spec.type)
            with self._interrupt.allowed():
                result = handler.run(run, ReportedRun(run, self._reports))
            json.dumps(result, allow_nan=False, ensure_ascii=False).encode()  # what cannot be kept is a failure
        except RunStopped:
            logger.info("Task stopped", extra={"action": "task_stopped", **log})
            return lambda task: task.stop(now())
        except UnknownTaskType as error:
            logger.warning("Task postponed: %s", error, extra={"action": "task_postponed", **log})
            return lambda task: task.postpone(now())
        except Exception as error:
            logger.exception("Task failed", extra={"action": "task_failed", **log})
            failure = TaskError(code="handler_error", message=_readable(f"{type(error).__name__}: {error}"))
            return lambda task: task.fail(failure, now())
        logger.debug("Task completed", extra={"action": "task_completed", **log})
        return lambda task: task.complete(result, now())

    def _finish(self, run: Task, transition: Transition) -> None:
        """Tries until the store answers; the lease keeper ends the process when that takes too long."""

        def finish(task: Task) -> Task:
            return transition(task) if task.is_run_of(run.claim) else task

        while True:
            try:
                final = self._decision.apply(run.task_id, finish, known=run)
            except (StoreUnavailable, StaleTask) as error:
                logger.warning("Cannot save the result yet: %r", error, extra={"action": "finish_failed"})
                self._clock.sleep(PAUSE_SECONDS)
            except TaskNotFound:
                return
            else:
                if final.claim != run.claim:
                    logger.warning("Result refused: the lease was lost", extra={"action": "result_refused"})
                return


def _readable(text: str) -> str:
    """Without the lone surrogates that no UTF-8 can hold."""
    return text.encode(errors="replace").decode()
