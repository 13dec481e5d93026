"""Why a transition is refused. The message is for the caller."""

from collections.abc import Sequence

from domain.status import Status


class TransitionRefused(Exception):
    """The state of the task does not allow this."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status = status


class InvalidTransition(TransitionRefused):
    """The state machine has no such arrow."""

    def __init__(self, status: Status, to: Status) -> None:
        super().__init__(status, f"A task that is {status} cannot become {to}.")


class TaskNotWaiting(TransitionRefused):
    """What a task will do can be changed only while it waits."""

    def __init__(self, status: Status) -> None:
        super().__init__(
            status,
            f"The task is {status}. What it does can be changed only while it waits "
            "(SCHEDULED or QUEUED); task_name and labels can be changed at any time.",
        )


class TaskRunning(TransitionRefused):
    """A running task is neither deleted nor ended by a change of its record."""

    def __init__(self, status: Status) -> None:
        super().__init__(status, "A worker runs this task now. Wait until it is final.")


class TaskFinal(TransitionRefused):
    """A final task has nothing left to stop."""

    def __init__(self, status: Status) -> None:
        super().__init__(status, f"The task is {status}, which is final. There is nothing left to cancel.")


class TaskNotRetryable(TransitionRefused):
    """Only what ended without a result can be tried again."""

    def __init__(self, status: Status) -> None:
        super().__init__(status, f"The task is {status}. Only a FAILED, CANCELLED or EXPIRED task can be retried.")


class InvalidTaskSpec(ValueError):
    """A member of the specification is outside its range."""

    def __init__(self, member: str, message: str, number: int = 0) -> None:
        """`number` is the place among those that were given together."""
        super().__init__(f"{member}: {message}")
        self.others: Sequence[InvalidTaskSpec] = ()
        """What is wrong with others that were given together with it."""
        self.number = number
        self.member = member
        self.message = message

    @property
    def violations(self) -> Sequence[tuple[str, str]]:
        """Each member that is wrong, as a JSON pointer without its first slash, and what is wrong with it."""
        return [(self.member, self.message)]


class InvalidMembers(InvalidTaskSpec):
    """Members of a task are wrong: everything that is wrong with them."""

    def __init__(self, violations: Sequence[tuple[str, str]]) -> None:
        super().__init__(*violations[0])
        self._violations = violations

    @property
    def violations(self) -> Sequence[tuple[str, str]]:
        return self._violations


class InvalidPayload(InvalidMembers):
    """The payload is not what the type of task takes: everything that is wrong with it."""
