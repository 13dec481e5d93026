"""Save the end of a run."""

import logging
from dataclasses import replace

from application.errors import StaleTask, StoreUnavailable, TaskNotFound
from application.optimistic_update import OptimisticUpdate
from application.ports.clock import Clock
from application.run_end_text import failure_line, outcome_word
from application.run_outcome import Failed, RunEnd
from application.use_cases.worker.run_handler import describe
from domain.task import Task

PAUSE_SECONDS = 0.5

logger = logging.getLogger(__name__)


class FinishRun:
    """Saves the end of a run, or discards it when another claim has the task."""

    def __init__(self, update: OptimisticUpdate, clock: Clock) -> None:
        self._update = update
        self._clock = clock

    def execute(self, end: RunEnd) -> None:
        """Repeat until the store replies. The lease keeper ends the process if that takes too long.

        An end that cannot be stored becomes a failure, or else the run would repeat for ever.
        """
        was_refused = False
        while True:
            try:
                after = self._save(end)
            except (StoreUnavailable, StaleTask) as error:
                extra = {"action": "finish_failed"}
                logger.warning("Cannot save the result yet: %r", error, extra=extra)
                self._clock.sleep(PAUSE_SECONDS)
            except TaskNotFound:
                return
            except Exception as error:
                if was_refused:  # the failure cannot be stored either
                    self._clock.sleep(PAUSE_SECONDS)
                end, was_refused = _without_result(end, error), True
            else:
                log_end(end, after)
                return

    def _save(self, end: RunEnd) -> Task:
        return self._update.apply(
            end.run.task_id,
            end.apply,
            known=end.run,
            log=lambda before, after: failure_line(before, after, end.at),
        )


def log_end(end: RunEnd, after: Task) -> None:
    """Log one line for each run of this process, when its end is saved or discarded."""
    run = end.run
    if after.fencing_token != run.fencing_token:
        extra: dict[str, object] = {"action": "result_refused", "task_id": run.task_id}
        logger.warning("Result refused: the lease was lost", extra=extra)
        return
    word = outcome_word(run, after)
    extra = {
        "action": "run_finished",
        "task_id": run.task_id,
        "type": run.spec.type,
        "outcome": word,
        "seconds": round((end.at - run.started_at).total_seconds(), 3) if run.started_at else None,
        "attempt": run.attempt,
        **({"trace_id": run.trace.trace_id} if run.trace else {}),
    }
    logger.info("Run ended: %s", word, extra=extra)


def _without_result(end: RunEnd, error: Exception) -> RunEnd:
    extra = {"action": "result_unkept", "task_id": end.run.task_id}
    logger.error("A result cannot be stored", exc_info=error, extra=extra)
    failed = Failed(f"The result cannot be stored: {describe(error)}", retry=False)
    return replace(end, outcome=failed)
