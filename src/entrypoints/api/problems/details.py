"""Details of errors that name HTTP resources and settings, which the application does not know."""

from collections.abc import Sequence

from application.errors import TooManyQueues
from domain.errors import InvalidTaskSpec

TOO_MANY_QUEUES = (
    "There are as many queues as TASKS_MAX_QUEUES allows ({limit}). Use a queue that GET /queues "
    "lists, delete every task of a queue that is no longer needed, or raise the setting."
)


def violations_of(error: InvalidTaskSpec) -> Sequence[tuple[str, str]]:
    """Return the violations of a task as pairs of a JSON pointer and a message."""
    if isinstance(error, TooManyQueues):
        return [("queue", TOO_MANY_QUEUES.format(limit=error.limit))]
    return error.violations
