"""Turn what a handler returned or raised into the outcome of its run, in every pool."""

import logging
from typing import Any

from application.errors import HandlerFailed, HostBusy, RunBlocksOthers, UnknownTaskType
from application.json_values import MAX_DEPTH, describe_non_json, encode_json, exceeds_depth
from application.run_outcome import Completed, Failed, Moved, Postponed, RunOutcome
from application.secret_members import Redaction
from domain.task import Task

logger = logging.getLogger(__name__)


class HandlerOutcomes:
    def __init__(self, *, max_result_bytes: int, limit_name: str) -> None:
        """`limit_name` tells users in an error message which setting holds `max_result_bytes`."""
        self._max_result_bytes = max_result_bytes
        self._limit_name = limit_name

    def of_result(self, run: Task, result: Any) -> RunOutcome:
        """Return Completed, or Failed without retry for a result that is no JSON or too large."""
        try:
            self._ensure_storable(result)
        except Exception as error:
            return self.of_error(run, error)
        return Completed(result)

    def of_error(self, run: Task, error: BaseException) -> RunOutcome:
        """Return the outcome of a run whose handler raised. Logs why it failed.

        Secret values of the payload are masked in the message, and no traceback repeats it.
        A stop that was requested is not for this method: its outcome depends on the process.
        """
        log = log_of(run)
        failed = {"action": "task_failed", **log}
        if isinstance(error, UnknownTaskType):
            logger.warning("Task postponed: %s", error, extra={"action": "task_postponed", **log})
            return Postponed()
        if isinstance(error, HostBusy):
            return Postponed(error.wait)
        if isinstance(error, RunBlocksOthers):
            moved = {"action": "task_moved", **log}
            logger.warning("Task moved: it kept other runs of its process waiting", extra=moved)
            return Moved()
        redaction = Redaction(run.spec.secrets)
        if isinstance(error, HandlerFailed):
            message = redaction.text(str(error))
            logger.warning("Task failed: %s", message, extra=failed)
            return Failed(message, retry=error.retry, wait=error.wait)
        message = redaction.text(describe(error))
        if run.spec.secrets is None:
            logger.error("Task failed", exc_info=error, extra=failed)
        else:
            logger.error("Task failed: %s", message, extra=failed)
        return Failed(message, retry=_may_retry(error))

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


def log_of(run: Task) -> dict[str, Any]:
    """Return the fields of a log line about a run."""
    return {
        "task_id": run.task_id,
        "type": run.spec.type,
        "attempt": run.attempt,
        **({"trace_id": run.trace.trace_id} if run.trace else {}),
    }


def describe(error: BaseException) -> str:
    """Return the class and the message, if the handler's own exception can tell its message."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return f"{type(error).__name__}, whose message cannot be read"


def _may_retry(error: BaseException) -> bool:
    """Return False if the class has `retry = False`. Reads the class: a property could raise."""
    return getattr(type(error), "retry", True) is not False
