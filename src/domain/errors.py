"""Reasons to refuse a transition or a specification. The messages are for the caller."""

from collections.abc import Sequence

from domain.status import Status

Violation = tuple[str, str]
"""A JSON pointer to a member, without its first slash, and a sentence on what is wrong with it."""


class TransitionRefused(Exception):
    """The state of the task does not allow the transition."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status = status


class InvalidTransition(TransitionRefused):
    """No such change of state exists."""

    def __init__(self, status: Status, to: Status) -> None:
        super().__init__(status, f"A task that is {status} cannot become {to}.")


class TaskNotWaiting(TransitionRefused):
    """The work of a task can be changed only while the task waits."""

    def __init__(self, status: Status) -> None:
        super().__init__(
            status,
            f"The task is {status}. Its work can be changed only while it waits "
            "(SCHEDULED or QUEUED); task_name and labels can be changed at any time.",
        )


class TaskRunning(TransitionRefused):
    """A running task cannot be deleted."""

    def __init__(self, status: Status) -> None:
        super().__init__(status, "A worker runs this task now. Wait until it is final.")


class TaskFinal(TransitionRefused):
    """A final task cannot be cancelled."""

    def __init__(self, status: Status) -> None:
        super().__init__(
            status, f"The task is {status}, which is final. There is nothing left to cancel."
        )


class TaskNotRetryable(TransitionRefused):
    """Only a task that ended without a result, and is not deleted, can be retried."""

    def __init__(self, status: Status, *, is_deleted: bool = False) -> None:
        super().__init__(
            status,
            "The task was deleted while it ran, and is about to be removed. Submit a new one."
            if is_deleted
            else f"The task is {status}. Only a FAILED, CANCELLED or EXPIRED task can be retried.",
        )


class InvalidTaskSpec(ValueError):
    """Members of a task specification are missing or outside their ranges."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        """`violations` holds everything that is wrong; the message repeats the first one."""
        pointer, message = violations[0]
        super().__init__(f"{pointer}: {message}")
        self.violations = violations


class InvalidPayload(InvalidTaskSpec):
    """The payload does not fit the type of the task."""
