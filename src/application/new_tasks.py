"""Store new tasks once, even when the request that submits them is repeated."""

from collections.abc import Sequence
from dataclasses import dataclass

from application.errors import AlreadySubmitted, IdempotencyKeyReused
from application.ports.clock import Clock
from application.ports.task_ids import TaskIds
from application.ports.task_repository import IdempotencyRecord, TaskRepository
from application.ports.tracer import Tracer
from application.spans import submit_operation
from domain.task import Task
from domain.task_spec import TaskSpec
from domain.trace_context import TraceContext


@dataclass(frozen=True, kw_only=True)
class Submitted:
    tasks: Sequence[Task]
    """The tasks as they were when they were accepted."""
    replayed: bool = False
    """True when an earlier request with the same idempotency record had submitted them."""


class NewTasks:
    """Makes tasks from valid specifications and stores them in one step."""

    def __init__(
        self, repository: TaskRepository, task_ids: TaskIds, clock: Clock, tracer: Tracer
    ) -> None:
        self._repository = repository
        self._task_ids = task_ids
        self._clock = clock
        self._tracer = tracer

    def add(
        self,
        specs: Sequence[TaskSpec],
        record: IdempotencyRecord | None,
        trace: TraceContext | None = None,
    ) -> Submitted:
        """Store all of them or none. `trace` is that of the caller.

        Raises IdempotencyKeyReused, TooManyQueues, StoreUnavailable.
        """
        if not self._tracer.is_on:
            return self._store(specs, record, trace)
        with self._tracer.span(submit_operation(specs), trace) as span:
            submitted = self._store(specs, record, span.context)
            if len(specs) == 1:
                span.note({"messaging.message.id": submitted.tasks[0].task_id})
            return submitted

    def _store(
        self,
        specs: Sequence[TaskSpec],
        record: IdempotencyRecord | None,
        trace: TraceContext | None,
    ) -> Submitted:
        now = self._clock.now()  # saving a task replaces this submitted_at by the store's time
        tasks = [Task.submit(self._task_ids.next(), spec, now, trace) for spec in specs]
        try:
            return Submitted(tasks=self._repository.add(tasks, record))
        except AlreadySubmitted as earlier:
            if record is None or earlier.request_hash != record.request_hash:
                raise IdempotencyKeyReused from earlier
            pairs = zip(earlier.task_ids, specs, strict=True)
            tasks = [Task.submit(task_id, spec, earlier.submitted_at) for task_id, spec in pairs]
            return Submitted(tasks=tasks, replayed=True)
