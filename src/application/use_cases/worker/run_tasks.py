"""Run the tasks of a queue, from claim to result."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from application.errors import (
    HandlerFailed,
    RunStillHeld,
    RunStopped,
    StaleTask,
    StoreUnavailable,
    TaskNotFound,
    UnknownTaskType,
)
from application.json_values import MAX_DEPTH, describe_non_json, encode_json, exceeds_depth, replace_surrogates
from application.optimistic_update import OptimisticUpdate
from application.ports.clock import Clock
from application.ports.run import LeaseKeeper, RunContextFactory, RunInterrupt
from application.ports.task_handlers import TaskHandlers
from application.ports.task_leases import TaskLeases
from application.ports.task_repository import Change
from application.run_end import failure_line, outcome
from domain.task import Task, TaskError

CLAIM_TRIES = 10
PAUSE_SECONDS = 0.5
MESSAGE_LENGTH = 10_000
STOPPED_FOR_NOTHING = (
    "It was asked to stop (SIGUSR2), though it was neither cancelled nor out of time. Work must not send that signal."
)
"""Counted, since work may ask itself each time. A request that comes late may meet the next run of the process."""

logger = logging.getLogger(__name__)

Transition = Callable[[Task], Task]


class RunTasks:
    """Runs one task under a lease. One instance per process that runs tasks, and one run at a time."""

    def __init__(
        self,
        *,
        leases: TaskLeases,
        update: OptimisticUpdate,
        handlers: TaskHandlers,
        contexts: RunContextFactory,
        keeper: LeaseKeeper,
        interrupt: RunInterrupt,
        clock: Clock,
        owner: str,
        max_result_bytes: int,
    ) -> None:
        """`owner` names this process; no other process has ever had that name."""
        self._leases = leases
        self._update = update
        self._handlers = handlers
        self._contexts = contexts
        self._keeper = keeper
        self._interrupt = interrupt
        self._clock = clock
        self._owner = owner
        self._max_result_bytes = max_result_bytes
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
                self._keeper.start_renewing(run)
                transition = self._work(run, now)
                self._keeper.stop_renewing()
                done += 1
                if not go_on():
                    self._finish(run, transition, now)
                    break
                run = self._finish_and_claim(run, transition, now, queue)
            return done
        finally:
            self._keeper.release()

    def _new_claim_id(self) -> str:
        return str(next(self._claims))

    def _finish_and_claim(
        self, run: Task, transition: Transition, now: Callable[[], datetime], queue: str
    ) -> Task | None:
        """One round trip where all goes well, which is most of what a short task costs."""
        claim_id = self._new_claim_id()
        self._keeper.arm()
        try:
            after = transition(run)
            change = Change(before=run, after=after, log=failure_line(run, after, now()))
            following = self._leases.finish_and_claim(change, queue, owner=self._owner, claim_id=claim_id)
        except (StoreUnavailable, StaleTask, RunStillHeld):
            pass
        except Exception:  # of the end or of the claim: the end alone says which
            logger.exception("Cannot finish and claim at once", extra={"action": "turn_failed", "task_id": run.task_id})
        else:
            _log_end(run, after, now())
            return following
        self._finish(run, transition, now)
        return self._claim(queue, claim_id)

    def _claim(self, queue: str, claim_id: str) -> Task | None:
        """Repeats one claim id while the store is away: the claim may have been made and its reply lost."""
        for _ in range(CLAIM_TRIES):
            self._keeper.arm()
            try:
                return self._leases.claim(queue, owner=self._owner, claim_id=claim_id)
            except RunStillHeld as error:
                now = self._time_of(error.run)
                self._finish(error.run, lambda task: task.stop(now()), now)  # noqa: B023 - called before the next turn
            except StoreUnavailable as error:
                logger.warning("Cannot claim: %s", error.reason, extra={"action": "claim_failed", "queue": queue})
                self._clock.sleep(PAUSE_SECONDS)
        return None

    def _time_of(self, run: Task) -> Callable[[], datetime]:
        """The store's time, by which the run was started; this host's clock may be anything."""
        began = self._clock.monotonic()
        started_at = run.started_at or self._clock.now()
        return lambda: started_at + timedelta(seconds=self._clock.monotonic() - began)

    def _work(self, run: Task, now: Callable[[], datetime]) -> Transition:
        """Do the work. Returns the transition that the task shall make."""
        log = {"task_id": run.task_id, "type": run.spec.type, "attempt": run.attempt}
        logger.debug("Task started", extra={"action": "task_started", **log})
        try:
            handler = self._handlers.of_type(run.spec.type)
            with self._contexts.open(run) as context, self._interrupt.allowed():
                result = handler.run(run, context)
            self._require_storable(result)
        except RunStopped as error:
            if not self._interrupt.was_requested:  # else a task that always raises it would run for ever
                logger.warning("Task failed: it stopped itself", extra={"action": "task_failed", **log})
                return _failing(_described(error), now, retry=True)
            return lambda task: task.lose(now(), STOPPED_FOR_NOTHING)
        except UnknownTaskType as error:
            logger.warning("Task postponed: %s", error, extra={"action": "task_postponed", **log})
            return lambda task: task.postpone(now())
        except HandlerFailed as error:
            logger.warning("Task failed: %s", error, extra={"action": "task_failed", **log})
            return _failing(str(error), now, retry=error.retry, wait=error.wait)
        except Exception as error:
            logger.exception("Task failed", extra={"action": "task_failed", **log})
            return _failing(_described(error), now, retry=getattr(type(error), "retry", True) is not False)
        return lambda task: task.complete(result, now())

    def _require_storable(self, result: Any) -> None:
        """Raises HandlerFailed for what is not JSON or too much of it: running again would change neither."""
        if result is None:
            return
        if exceeds_depth(result):
            raise HandlerFailed(f"The result is not kept: it is nested deeper than {MAX_DEPTH}.", retry=False)
        try:
            size = len(encode_json(result))
        except (TypeError, ValueError, RecursionError) as error:
            where = " ".join(filter(None, [describe_non_json(result), "Return text, numbers, lists and objects."]))
            raise HandlerFailed(f"The result is not JSON: {error}. {where}", retry=False) from error
        if size > self._max_result_bytes:
            raise HandlerFailed(
                f"The result has {size} bytes as JSON; {self._max_result_bytes} are allowed (TASKS_MAX_RESULT_BYTES). "
                "Keep it elsewhere and return where.",
                retry=False,
            )

    def _unkept(self, run: Task, error: Exception) -> Transition:
        """An end that cannot be stored must not make the run be repeated for ever."""
        logger.error(
            "A result cannot be kept", exc_info=error, extra={"action": "result_unkept", "task_id": run.task_id}
        )
        return _failing(f"The result cannot be kept: {_described(error)}", self._time_of(run), retry=False)

    def _finish(self, run: Task, transition: Transition, now: Callable[[], datetime]) -> None:
        """Tries until the store answers; the lease keeper ends the process when that takes too long."""

        def finish(task: Task) -> Task:
            return transition(task) if task.is_run_of(run.fencing_token) else task

        refused = False
        while True:
            try:
                final = self._update.apply(
                    run.task_id, finish, known=run, log=lambda before, after: failure_line(before, after, now())
                )
            except (StoreUnavailable, StaleTask) as error:
                logger.warning("Cannot save the result yet: %r", error, extra={"action": "finish_failed"})
                self._clock.sleep(PAUSE_SECONDS)
            except TaskNotFound:
                return
            except Exception as error:
                if refused:  # the failure cannot be stored either
                    self._clock.sleep(PAUSE_SECONDS)
                transition, refused = self._unkept(run, error), True
            else:
                if final.fencing_token != run.fencing_token:
                    logger.warning(
                        "Result refused: the lease was lost",
                        extra={"action": "result_refused", "task_id": run.task_id},
                    )
                else:
                    _log_end(run, final, now())
                return


def _log_end(run: Task, after: Task, now: datetime) -> None:
    """Log the one line that each run of this process ends with, once the store has its end."""
    word = outcome(run, after)
    logger.info(
        "Run ended: %s",
        word,
        extra={
            "action": "run_finished",
            "task_id": run.task_id,
            "type": run.spec.type,
            "outcome": word,
            "seconds": round((now - run.started_at).total_seconds(), 3) if run.started_at else None,
            "attempt": run.attempt,
        },
    )


def _failing(message: str, now: Callable[[], datetime], *, retry: bool, wait: timedelta = timedelta(0)) -> Transition:
    failure = TaskError(code="handler_error", message=replace_surrogates(message[:MESSAGE_LENGTH]))
    return lambda task: task.fail(failure, now(), retry=retry, wait=wait)


def _described(error: BaseException) -> str:
    """Class and message; the message is the handler's own code, which may fail as well."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return f"{type(error).__name__}, whose message cannot be read"
