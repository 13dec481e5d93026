"""Run the handler of a task and turn what happens into an outcome."""

import logging
from typing import Any

from application.errors import HandlerFailed, RunStopped, UnknownTaskType
from application.json_values import MAX_DEPTH, describe_non_json, encode_json, exceeds_depth
from application.ports.run import RunContextFactory, RunInterrupt
from application.ports.task_handlers import TaskHandlers
from application.run_outcome import Completed, Failed, Lost, Postponed, RunOutcome
from application.use_cases.worker.trace_run import TraceRun
from domain.task import Task

UNREQUESTED_STOP = (
    "It was asked to stop (SIGUSR2), though it was neither cancelled nor out of time. "
    "Work must not send that signal."
)
"""The cause of each run that a stop request interrupted.

Task.lose uses it only if the task is neither cancelled nor out of time. The run then counts as a
crash: work that signals itself would otherwise run for ever. A late request may also reach the next
run of the process.
"""

logger = logging.getLogger(__name__)


class RunHandler:
    """Runs the handler of one task. Only SystemExit and its like escape; all else is an outcome.

    A requested stop is the outcome Lost, from which Task.lose makes a cancelled or timed-out task,
    or else counts a crash with the cause UNREQUESTED_STOP.
    """

    def __init__(
        self,
        handlers: TaskHandlers,
        contexts: RunContextFactory,
        interrupt: RunInterrupt,
        trace_run: TraceRun,
        *,
        max_result_bytes: int,
        limit_name: str,
    ) -> None:
        """`limit_name` tells users in an error message which setting holds `max_result_bytes`."""
        self._handlers = handlers
        self._contexts = contexts
        self._interrupt = interrupt
        self._trace_run = trace_run
        self._max_result_bytes = max_result_bytes
        self._limit_name = limit_name

    def execute(self, run: Task) -> RunOutcome:
        if run.trace is None:
            return self._outcome(run)
        return self._trace_run.execute(run, run.trace, self._outcome)

    def _outcome(self, run: Task) -> RunOutcome:
        log = {
            "task_id": run.task_id,
            "type": run.spec.type,
            "attempt": run.attempt,
            **({"trace_id": run.trace.trace_id} if run.trace else {}),
        }
        logger.debug("Task started", extra={"action": "task_started", **log})
        failed = {"action": "task_failed", **log}
        try:
            handler = self._handlers.of_type(run.spec.type)
            with self._contexts.open(run) as context, self._interrupt.allowed():
                result = handler.run(run, context)
            self._ensure_storable(result)
        except RunStopped as error:
            if self._interrupt.was_requested:  # Task.lose decides: cancelled, timed out or crashed
                return Lost(UNREQUESTED_STOP)
            logger.warning("Task failed: it stopped itself", extra=failed)
            return Failed(describe(error))
        except UnknownTaskType as error:
            logger.warning("Task postponed: %s", error, extra={"action": "task_postponed", **log})
            return Postponed()
        except HandlerFailed as error:
            logger.warning("Task failed: %s", error, extra=failed)
            return Failed(str(error), retry=error.retry, wait=error.wait)
        except Exception as error:
            logger.exception("Task failed", extra=failed)
            return Failed(describe(error), retry=_may_retry(error))
        return Completed(result)

    def _ensure_storable(self, result: Any) -> None:
        """Raises HandlerFailed, without retry, for a result that is no JSON or too large."""
        if result is None:
            return
        if exceeds_depth(result):
            message = f"The result cannot be stored: it is nested deeper than {MAX_DEPTH} levels."
            raise HandlerFailed(message, retry=False)
        try:
            size = len(encode_json(result))
        except (TypeError, ValueError, RecursionError) as error:
            where = f"{describe_non_json(result) or ''} Return text, numbers, lists and objects."
            message = f"The result is not JSON: {error}. {where.lstrip()}"
            raise HandlerFailed(message, retry=False) from error
        if size > self._max_result_bytes:
            message = (
                f"The result has {size} bytes as JSON; {self._max_result_bytes} are allowed "
                f"({self._limit_name}). Store it elsewhere and return its location."
            )
            raise HandlerFailed(message, retry=False)


def describe(error: BaseException) -> str:
    """Return the class and the message, if the handler's own exception can tell its message."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return f"{type(error).__name__}, whose message cannot be read"


def _may_retry(error: Exception) -> bool:
    """Return False if the class has `retry = False`. Reads the class: a property could raise."""
    return getattr(type(error), "retry", True) is not False
