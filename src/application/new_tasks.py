"""Store new tasks once, even when the request that submits them is repeated."""

from collections.abc import Sequence
from dataclasses import dataclass

from application.errors import AlreadySubmitted, IdempotencyKeyReused
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
    """Makes tasks from valid specifications and stores them in one step."""

    def __init__(self, repository: TaskRepository, task_ids: TaskIds, clock: Clock) -> None:
        self._repository = repository
        self._task_ids = task_ids
        self._clock = clock

    def add(self, specs: Sequence[TaskSpec], record: IdempotencyRecord | None) -> Submitted:
        """Store all of them or none.

        Raises IdempotencyKeyReused, TooManyQueues, StoreUnavailable.
        """
        now = self._clock.now()  # saving a task replaces this submitted_at by the store's time
        tasks = [Task.submit(self._task_ids.next(), spec, now) for spec in specs]
        try:
            return Submitted(tasks=self._repository.add(tasks, record))
        except AlreadySubmitted as earlier:
            if record is None or earlier.request_hash != record.request_hash:
                raise IdempotencyKeyReused from earlier
            pairs = zip(earlier.task_ids, specs, strict=True)
            tasks = [Task.submit(task_id, spec, earlier.submitted_at) for task_id, spec in pairs]
            return Submitted(tasks=tasks, replayed=True)
