"""The errors with which tasks and runs end."""

from dataclasses import dataclass
from typing import Self

WORKER_LOST = "worker_lost"
TIMEOUT = "timeout"
UNKNOWN_CAUSE = "How it ended is not known."
LAST_ERROR_LENGTH = 1_000
"""Characters. Every event of a task repeats its last_error, whereas its error appears once."""


@dataclass(frozen=True, kw_only=True)
class TaskError:
    """The reason why a task or a run ended without a result."""

    code: str
    """A stable word for programs."""
    message: str
    """A sentence for people."""

    def shortened(self, length: int = LAST_ERROR_LENGTH) -> Self:
        """Return the error with at most `length` characters of its message."""
        omitted = len(self.message) - length
        if omitted <= 0:
            return self
        message = f"{self.message[:length]}… ({omitted} characters more)"
        return type(self)(code=self.code, message=message)


CANCELLED = TaskError(code="cancelled", message="The task was cancelled.")
EXPIRED = TaskError(code="expired", message="The task had not started by its expires_at.")


def lost_for_good(cause: str, crashes: int) -> TaskError:
    """Return the error of a task that is not tried again after this many crashes."""
    message = (
        f"{crashes} runs crashed; the task is not tried again. Cause of the last crash: {cause}"
    )
    return TaskError(code=WORKER_LOST, message=message)
