"""Record the wait and the run of a task that belongs to a trace."""

from collections.abc import Callable
from datetime import datetime

from application.errors import StoreUnavailable
from application.ports.attempt_log import AttemptLog, Requeued
from application.ports.tracer import Tracer
from application.run_outcome import Completed, Failed, Postponed, RunOutcome
from application.spans import OUTCOME, run_operation, wait_operation
from domain.attempt import AttemptOutcome
from domain.task import Task
from domain.trace_context import TraceContext

VERSION_OF_FIRST_RUN = 2
"""The version of a task that was submitted and started, and nothing else."""
STOPPED = "stopped"
"""The outcome of a run that was asked to stop. Its task says why."""
WORDS: dict[type[RunOutcome], str] = {
    Completed: AttemptOutcome.COMPLETED,
    Failed: AttemptOutcome.FAILED,
    Postponed: AttemptOutcome.POSTPONED,
}


class TraceRun:
    def __init__(self, tracer: Tracer, attempt_log: AttemptLog) -> None:
        self._tracer = tracer
        self._attempt_log = attempt_log

    def execute(
        self, run: Task, trace: TraceContext, work: Callable[[Task], RunOutcome]
    ) -> RunOutcome:
        """Do the work within a span, which is a child of the span that submitted the task.

        Each run has a span of its own, and one of its wait before it.
        """
        if self._tracer.is_on and trace.is_sampled:
            self._record_wait(run, trace)
        with self._tracer.span(run_operation(run), trace, link=trace) as span:
            outcome = work(run)
            word = str(WORDS.get(type(outcome), STOPPED))
            is_error = not isinstance(outcome, Completed | Postponed)
            span.note({OUTCOME: word}, error=word if is_error else "")
        return outcome

    def _record_wait(self, run: Task, trace: TraceContext) -> None:
        queued_at = self._queued_at(run)
        if queued_at and run.started_at and queued_at <= run.started_at:
            operation = wait_operation(run)
            self._tracer.record(operation, trace, began=queued_at, ended=run.started_at)

    def _queued_at(self, run: Task) -> datetime | None:
        """Return the time from which the task could run; None if that is not known.

        Only a task that was changed since it was submitted costs a round trip.
        """
        first = max(run.submitted_at, run.spec.run_at or run.submitted_at)
        if run.version == VERSION_OF_FIRST_RUN:
            return first
        try:
            entries = self._attempt_log.entries(run.task_id)
        except StoreUnavailable:
            return None
        if not entries:
            return first
        last = entries[-1]
        return last.at if isinstance(last, Requeued) else last.next_at
