"""Run the handler of a task and turn what happens into an outcome."""

import logging

from application.errors import RunStopped
from application.handler_outcomes import HandlerOutcomes, describe, log_of
from application.ports.run import RunContextFactory, RunInterrupt
from application.ports.task_handlers import TaskHandlers
from application.redacting_context import open_run
from application.run_outcome import Failed, Lost, RunOutcome
from application.secret_members import Redaction
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
        outcomes: HandlerOutcomes,
    ) -> None:
        self._handlers = handlers
        self._contexts = contexts
        self._interrupt = interrupt
        self._trace_run = trace_run
        self._outcomes = outcomes

    def execute(self, run: Task) -> RunOutcome:
        if run.trace is None:
            return self._outcome(run)
        return self._trace_run.execute(run, run.trace, self._outcome)

    def _outcome(self, run: Task) -> RunOutcome:
        log = log_of(run)
        logger.debug("Task started", extra={"action": "task_started", **log})
        try:
            handler = self._handlers.of_type(run.spec.type)
            with self._contexts.open(run) as context, self._interrupt.allowed():
                result = handler.run(*open_run(run, context))
            return self._outcomes.of_result(run, result)
        except RunStopped as error:
            if self._interrupt.was_requested:  # Task.lose decides: cancelled, timed out or crashed
                return Lost(UNREQUESTED_STOP)
            failed = {"action": "task_failed", **log}
            logger.warning("Task failed: it stopped itself", extra=failed)
            return Failed(Redaction(run.spec.secrets).text(describe(error)))
        except Exception as error:
            return self._outcomes.of_error(run, error)
