"""The errors that use cases raise besides the refusals of the domain."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from domain.errors import InvalidTaskSpec
from domain.rate_limit import RateLimit
from domain.task import Task


class TaskNotFound(Exception):
    """There is no task with this id."""

    def __init__(self, task_id: str) -> None:
        super().__init__(
            f"There is no task {task_id!r}. It may have been deleted, or its retention may be over."
        )
        self.task_id = task_id


class StaleTask(Exception):
    """The task was changed since it was read. Nothing was saved."""

    def __init__(self, task_id: str) -> None:
        super().__init__(f"Another request is changing the task {task_id}. Retry the request.")
        self.task_id = task_id


class VersionMismatch(Exception):
    """The task or schedule has another version than the caller has seen."""

    def __init__(self, version: int, what: str = "task") -> None:
        """`version` is 0 for a schedule that does not exist."""
        super().__init__(
            f"The {what} now has version {version}. Read it again, and repeat the change if it "
            "still fits."
            if version
            else f"There is no such {what}, so it has none of the versions of the request."
        )
        self.version = version


class AlreadySubmitted(Exception):
    """An earlier submit request had the same key."""

    def __init__(
        self, request_hash: bytes, task_ids: Sequence[str], submitted_at: datetime
    ) -> None:
        super().__init__("An earlier submit request had the same key.")
        self.request_hash = request_hash
        self.task_ids = task_ids
        self.submitted_at = submitted_at


class IdempotencyKeyReused(Exception):
    """The key of the request was used before with a different body."""

    def __init__(self) -> None:
        super().__init__("The key of the request was used before with a different body.")


class DeliveryNotFound(Exception):
    """The task has no delivery attempt of this number whose webhook can be resent."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"The task has no delivery attempt {number}, or its webhook is no longer stored."
        )


class QueueNotFound(Exception):
    """There is no queue of this name."""

    def __init__(self, queue: str) -> None:
        super().__init__(f"There is no queue {queue!r}.")


class TooManyQueues(InvalidTaskSpec):
    """A task would exceed the limit on queues. Nothing was saved."""

    def __init__(self, limit: int, places: Sequence[int] = (0,)) -> None:
        """`places` are the indexes, among the tasks saved together, of those that name a new
        queue.
        """
        super().__init__([("queue", f"The limit of {limit} queues is reached.")])
        self.limit = limit
        self.places = places


class InvalidBatch(Exception):
    """Tasks of a batch are invalid. Nothing was saved."""

    def __init__(self, errors: Mapping[int, InvalidTaskSpec]) -> None:
        """`errors` holds the error of each invalid task by its index in the batch, in that
        order.
        """
        super().__init__(f"{len(errors)} tasks of the batch are invalid.")
        self.errors = errors


class TooManyLabels(Exception):
    """The tasks of a batch have more different labels than one step of the store may add.

    Nothing was saved.
    """

    def __init__(self, number: int, limit: int) -> None:
        super().__init__(
            f"The tasks have {number:,} different labels; a batch may have {limit:,}. Send fewer "
            "of these tasks at once."
        )


class BatchExceedsLimit(Exception):
    """A batch has more tasks than its caller may ever submit at once. Nothing was saved."""

    def __init__(self, number: int, limit: RateLimit) -> None:
        super().__init__(
            f"A batch counts as its tasks. These are {number:,}, and the limit is {limit.units:,} "
            f"requests per {limit.unit_of_time}. Send at most {limit.units:,} tasks at once."
        )


class StoreUnavailable(Exception):
    """The store cannot be reached or refuses to write. The last write may or may not have been
    made.

    The message is for callers. The reason is for the log, since it may name hosts.
    """

    MESSAGE = "The task store is unavailable. Retry in a second."

    def __init__(self, reason: str) -> None:
        super().__init__(self.MESSAGE)
        self.reason = reason


class StoreFull(StoreUnavailable):
    """The store has no room for new tasks. Accepted tasks continue to run."""

    MESSAGE = "The task store is full and accepts no new tasks until there is room. Retry later."


class StoreUnconfirmed(StoreUnavailable):
    """The store has made the last write, but too few of its replicas have confirmed it.

    A failover may lose the write. A repeated request is confirmed together with the first one.
    """

    MESSAGE = (
        "The task store has too few replicas that keep up, so the change may be lost in a "
        "failover. Retry in a second."
    )


class StoreUnsafe(StoreUnavailable):
    """The store responds, but may lose tasks."""

    MESSAGE = (
        "The task store may lose tasks because of its settings. The service's log says how "
        "to repair them."
    )


class RunStillHeld(Exception):
    """The owner still holds the run of an earlier claim, which it has not ended."""

    def __init__(self, run: Task) -> None:
        super().__init__(f"The run of task {run.task_id} has not been ended.")
        self.run = run


class QueueInUse(Exception):
    """The queue cannot be removed."""

    def __init__(self, queue: str, *, is_served: bool) -> None:
        """`is_served`: a living worker serves the queue. Otherwise, tasks name it."""
        super().__init__(
            f"A living worker serves the queue {queue!r}."
            if is_served
            else f"The queue {queue!r} has tasks; final ones count as well."
        )
        self.queue = queue
        self.is_served = is_served


class RunStopped(BaseException):
    """Raised in the running work when it is to end: cancelled, or out of time.

    Not an Exception, so that work which handles all of those still ends.
    """


class RunBlocksOthers(BaseException):
    """Raised in work that keeps the other runs of its process from going on.

    Not an Exception, so that work which handles all of those still ends.
    """


class HostBusy(Exception):
    """The work was not begun: as many runs as allowed are waiting for the same host."""

    def __init__(self, wait: timedelta) -> None:
        """`wait`: the time after which it is likely to be this run's turn."""
        super().__init__(f"As many runs as allowed wait for the same host; {wait} until its turn.")
        self.wait = wait


class HandlerFailed(Exception):
    """The work of a task failed in a way that its handler understands; the message is for
    callers.
    """

    def __init__(self, message: str, *, retry: bool = True, wait: timedelta = timedelta(0)) -> None:
        """`retry` is False where trying again cannot help; the next try waits at least `wait`."""
        super().__init__(message)
        self.retry = retry
        self.wait = wait


class UnknownTaskType(Exception):
    """No handler of this worker does this kind of work."""

    def __init__(self, type: str) -> None:
        super().__init__(f"There is no handler for tasks of type {type!r}.")
