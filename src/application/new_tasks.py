"""Store new tasks once, even when the request that submits them is repeated."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from application.errors import AlreadySubmitted, IdempotencyKeyReused
from application.ports.callers import Callers
from application.ports.clock import Clock
from application.ports.task_ids import TaskIds
from application.ports.task_repository import IdempotencyRecord, TaskRepository
from domain.task import Task
from domain.task_spec import TaskSpec


@dataclass(frozen=True, kw_only=True)
class Submitted:
    tasks: Sequence[Task]
    """The tasks as they were when they were accepted."""
    replayed: bool = False
    """True when an earlier request with the same idempotency record had submitted them."""


class NewTasks:
    """Makes tasks from valid specifications and stores them in one step.

    The tasks and the idempotency record belong to the key of the caller, if there is one.
    """

    def __init__(
        self, repository: TaskRepository, task_ids: TaskIds, clock: Clock, callers: Callers
    ) -> None:
        self._repository = repository
        self._task_ids = task_ids
        self._clock = clock
        self._callers = callers

    def add(self, specs: Sequence[TaskSpec], record: IdempotencyRecord | None) -> Submitted:
        """Store all of them or none.

        Raises IdempotencyKeyReused, TooManyQueues, StoreUnavailable.
        """
        now = self._clock.now()  # saving a task replaces this submitted_at by the store's time
        key_id = self._callers.current().key_id or None
        tasks = _submit(((self._task_ids.next(), spec) for spec in specs), now, key_id)
        try:
            return Submitted(tasks=self._repository.add(tasks, record_of_key(record, key_id)))
        except AlreadySubmitted as earlier:
            if record is None or earlier.request_hash != record.request_hash:
                raise IdempotencyKeyReused from earlier
            pairs = zip(earlier.task_ids, specs, strict=True)
            tasks = _submit(pairs, earlier.submitted_at, key_id)
            return Submitted(tasks=tasks, replayed=True)


def _submit(
    pairs: Iterable[tuple[str, TaskSpec]], now: datetime, key_id: str | None
) -> Sequence[Task]:
    return [Task.submit(task_id, spec, now, submitted_by=key_id) for task_id, spec in pairs]


def record_of_key(record: IdempotencyRecord | None, key_id: str | None) -> IdempotencyRecord | None:
    """Return the record under a name that no other key and no caller without one can send."""
    if record is None or key_id is None:
        return record
    return replace(record, key=f"{key_id}\n{record.key}")
