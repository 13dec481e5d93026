"""Details of errors and warnings in the words of the API: paths, headers and settings.

The application's errors carry facts only.
"""

from collections.abc import Callable, Sequence
from typing import Any

from application.errors import IdempotencyKeyReused, QueueInUse, QueueNotFound, TooManyQueues
from domain.errors import InvalidTaskSpec, Violation


def detail_of(error: Exception) -> str:
    """Return the `detail` of the problem. Most errors' own messages need no words of the API."""
    put_into_words = DETAILS.get(type(error), str)
    return put_into_words(error)


def violations_of(error: InvalidTaskSpec) -> Sequence[Violation]:
    """Return everything that is wrong with the task, for the `errors` of a problem."""
    if isinstance(error, TooManyQueues):
        return [("queue", _too_many_queues(error))]
    return error.violations


def unserved_queue(queue: str) -> str:
    """Return the warning about a queue that no worker serves."""
    return (
        f"No worker serves the queue {queue!r}: the task waits until one does. Start a worker with "
        f"TASKS_QUEUES={queue}, or move the task to another queue with PATCH."
    )


def _too_many_queues(error: TooManyQueues) -> str:
    return (
        f"There are as many queues as TASKS_MAX_QUEUES allows ({error.limit}). Use a queue that "
        "GET /queues lists, delete every task of a queue that is no longer needed, or raise the "
        "setting."
    )


def _idempotency_key_reused(_: IdempotencyKeyReused) -> str:
    return (
        "The Idempotency-Key was used with a different body within the last 24 hours. Use a new "
        "key for a new request."
    )


def _queue_not_found(error: QueueNotFound) -> str:
    return (
        f"{error} A queue exists while a task names it, a worker serves it or it is paused. "
        "GET /queues lists all queues."
    )


def _queue_in_use(error: QueueInUse) -> str:
    if error.is_served:
        return f"{error} Stop it, or take the queue out of its TASKS_QUEUES."
    return f"{error} Delete them, or wait until their retention is over."


DETAILS: dict[type[Exception], Callable[[Any], str]] = {
    IdempotencyKeyReused: _idempotency_key_reused,
    QueueNotFound: _queue_not_found,
    QueueInUse: _queue_in_use,
}
