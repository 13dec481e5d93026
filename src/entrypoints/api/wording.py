"""Put the facts of an error or a warning into the words of the API: paths, headers and settings."""

from collections.abc import Callable, Sequence
from typing import Any

from application.errors import IdempotencyKeyReused, QueueInUse, QueueNotFound, TooManyQueues
from domain.errors import InvalidTaskSpec, Violation


def detail_of(error: Exception) -> str:
    """Return the `detail` of the problem: the error's own message where that needs no words of the API."""
    say = DETAILS.get(type(error), str)
    return say(error)


def violations_of(error: InvalidTaskSpec) -> Sequence[Violation]:
    """Return everything that is wrong with the task, for the `errors` of a problem."""
    return [("queue", _too_many_queues(error))] if isinstance(error, TooManyQueues) else error.violations


def queue_warning(queue: str) -> dict[str, str]:
    """Return the warning that no worker serves the queue of a task that was accepted."""
    message = (
        f"No worker serves the queue {queue!r}: the task waits until one does. Start a worker with "
        f"TASKS_QUEUES={queue}, or move the task to another queue with PATCH."
    )
    return {"code": "queue_unserved", "queue": queue, "message": message}


def _too_many_queues(error: TooManyQueues) -> str:
    return (
        f"There are as many queues as TASKS_MAX_QUEUES allows ({error.limit}). Name one that GET /queues lists, or "
        "delete every task of a queue that is no longer needed, or raise the setting."
    )


def _idempotency_key_reused(_: IdempotencyKeyReused) -> str:
    return "This Idempotency-Key was used for another body within the last 24 hours. Use a new key for a new request."


def _queue_not_found(error: QueueNotFound) -> str:
    return f"{error} A queue exists while a task names it, a worker serves it or it is paused; GET /queues lists them."


def _queue_in_use(error: QueueInUse) -> str:
    if error.is_served:
        return f"{error} Stop it, or take the queue out of its TASKS_QUEUES."
    return f"{error} Delete them, or wait until their retention is over."


DETAILS: dict[type[Exception], Callable[[Any], str]] = {
    IdempotencyKeyReused: _idempotency_key_reused,
    QueueNotFound: _queue_not_found,
    QueueInUse: _queue_in_use,
}
