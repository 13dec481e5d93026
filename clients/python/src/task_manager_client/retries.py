"""The rules by which a failed call is sent again, and the delay before it."""

from dataclasses import dataclass

from task_manager_client.errors import (
    Problem,
    ServiceUnreachable,
    TaskManagerError,
    UnexpectedResponse,
)

NOT_PROCESSED = {"overloaded", "request_timeout", "task_busy", "too_many_streams"}
"""Codes that say that the request changed nothing: even a cancel may be repeated."""
LASTING = {"capacity", "store_unsafe"}
"""Codes with status 503 that do not end by themselves within seconds."""
TOO_MANY_REQUESTS = 429
TRANSIENT = {502, 503, 504}


@dataclass(frozen=True)
class Retries:
    """The policy by which failed calls are repeated. Times are in seconds.

    A call is repeated after connection errors, 429, 502, 503 and 504, if a repetition does no harm:
    a read, a submit (by its idempotency key), or any call that the service has not processed. The
    delay doubles from `first_delay` to `max_delay`, and is at least Retry-After. A call that asks
    for more than `max_retry_after` is not repeated, nor is one that a full store refuses.
    """

    max_attempts: int = 5
    first_delay: float = 0.2
    max_delay: float = 10.0
    max_retry_after: float = 75.0
    """Enough for a limit of requests per minute, which may ask for 62 seconds."""

    def delay(
        self, error: TaskManagerError, attempt: int, *, repeatable: bool, chance: float
    ) -> float | None:
        """Return the delay before the next attempt. None if there is none.

        `attempt` counts from 1. `chance`, from 0 to 1, spreads the delays of many clients.
        """
        if attempt >= self.max_attempts or not may_repeat(error, repeatable=repeatable):
            return None
        asked = error.retry_after if isinstance(error, Problem) else None
        if asked is not None and asked > self.max_retry_after:
            return None
        backoff = min(self.max_delay, self.first_delay * 2.0 ** min(attempt - 1, 30))
        return (asked or 0.0) + backoff * (0.5 + chance / 2)


NO_RETRIES = Retries(max_attempts=1)
STREAM_RETRIES = Retries(max_attempts=20, first_delay=0.5, max_delay=5.0)
"""The policy of streams and waits, which outlive a restart of the service of about a minute."""


def may_repeat(error: TaskManagerError, *, repeatable: bool) -> bool:
    """Return whether the error may pass, and a repetition does no harm."""
    if isinstance(error, ServiceUnreachable):
        return repeatable or not error.sent
    if isinstance(error, UnexpectedResponse):
        return error.status == TOO_MANY_REQUESTS or (repeatable and error.status in TRANSIENT)
    if not isinstance(error, Problem):
        return False
    if error.details.code in NOT_PROCESSED or error.status == TOO_MANY_REQUESTS:
        return True
    return repeatable and error.status in TRANSIENT and error.details.code not in LASTING
