"""Run the next task of a queue, from claim to result."""

import logging
from collections.abc import Callable
from itertools import count

from application.decision import Decision
from application.errors import StaleTask, StoreUnavailable, TaskNotFound
from application.ports.clock import Clock
from application.ports.lease_keeper import LeaseKeeper
from application.ports.task_handlers import TaskHandlers
from application.ports.task_leases import TaskLeases
from domain.task import Task, TaskError

CLAIM_TRIES = 10
PAUSE_SECONDS = 0.5

logger = logging.getLogger(__name__)


class RunTask:
    """Runs one task under a lease. One instance per process that runs tasks, and one run at a time."""

    def __init__(
        self,
        *,
        leases: TaskLeases,
        decision: Decision,
        handlers: TaskHandlers,
        keeper: LeaseKeeper,
        clock: Clock,
        owner: str,
    ) -> None:
        """`owner` names this process; no other process has ever had that name."""
        self._leases = leases
        self._decision = decision
        self._handlers = handlers
        self._keeper = keeper
        self._clock = clock
        self._owner = owner
        self._claims = count(1)

    def execute(self, queue: str) -> bool:
        """Answers whether there was a task. Its result is kept, or refused when the lease was lost."""
        try:
            task = self._claim(queue)
            if task is None:
                return False
            self._keeper.keep(task)
            self._finish(task, self._outcome(task))
            return True
        finally:
            self._keeper.release()

    def _claim(self, queue: str) -> Task | None:
        """Repeats one claim id while the store is away: the claim may have been made and its reply lost."""
        claim_id = str(next(self._claims))
        for _ in range(CLAIM_TRIES):
            self._keeper.arm()
            try:
                return self._leases.claim(queue, owner=self._owner, claim_id=claim_id)
            except StoreUnavailable as error:
                logger.warning("Cannot claim: %s", error.reason, extra={"action": "claim_failed", "queue": queue})
                self._clock.sleep(PAUSE_SECONDS)
        return None

    def _outcome(self, task: Task) -> Callable[[Task], Task]:
        """Do the work; answers the transition that the task shall make."""
        log = {"task_id": task.task_id, "type": task.spec.type, "attempt": task.attempt}
        logger.info("Task started", extra={"action": "task_started", **log})
        try:
            result = self._handlers.of_type(task.spec.type).run(task)
        except Exception as error:
            logger.exception("Task failed", extra={"action": "task_failed", **log})
            failure = TaskError(code="handler_error", message=f"{type(error).__name__}: {error}")
            return lambda current: current.fail(failure, self._clock.now())
        logger.info("Task completed", extra={"action": "task_completed", **log})
        return lambda current: current.complete(result, self._clock.now())

    def _finish(self, run: Task, transition: Callable[[Task], Task]) -> None:
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
