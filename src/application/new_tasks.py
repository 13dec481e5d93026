"""Store new tasks once, even when the request that submits them is repeated."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from application.errors import AlreadySubmitted, IdempotencyKeyReused
from application.ports.callers import Callers
from application.ports.clock import Clock
from application.ports.rate_limits import Charge
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
    """Makes tasks from valid specifications and stores them in one step.

    The tasks and the idempotency record belong to the key of the caller, if there is one.
    """

    def __init__(
        self,
        repository: TaskRepository,
        task_ids: TaskIds,
        clock: Clock,
        callers: Callers,
        tracer: Tracer,
    ) -> None:
        self._repository = repository
        self._task_ids = task_ids
        self._clock = clock
        self._callers = callers
        self._tracer = tracer

    def add(
        self,
        specs: Sequence[TaskSpec],
        record: IdempotencyRecord | None,
        trace: TraceContext | None = None,
        charge: Charge | None = None,
    ) -> Submitted:
        """Store all of them or none. `trace` is that of the caller, `charge` counts each task.

        Raises IdempotencyKeyReused, TooManyQueues, RateLimitExceeded, StoreUnavailable.
        """
        if not self._tracer.is_on:
            return self._store(specs, record, trace, charge)
        with self._tracer.span(submit_operation(specs), trace) as span:
            submitted = self._store(specs, record, span.context, charge)
            if len(specs) == 1:
                span.note({"messaging.message.id": submitted.tasks[0].task_id})
            return submitted

    def _store(
        self,
        specs: Sequence[TaskSpec],
        record: IdempotencyRecord | None,
        trace: TraceContext | None,
        charge: Charge | None,
    ) -> Submitted:
        now = self._clock.now()  # saving a task replaces this submitted_at by the store's time
        key_id = self._callers.current().key_id or None
        new = ((self._task_ids.next(), spec) for spec in specs)
        tasks = _submit(new, now, key_id, trace)
        try:
            added = self._repository.add(tasks, record_of_key(record, key_id), charge)
            return Submitted(tasks=added)
        except AlreadySubmitted as earlier:
            if record is None or earlier.request_hash != record.request_hash:
                raise IdempotencyKeyReused from earlier
            pairs = zip(earlier.task_ids, specs, strict=True)
            tasks = _submit(pairs, earlier.submitted_at, key_id)
            return Submitted(tasks=tasks, replayed=True)


def _submit(
    pairs: Iterable[tuple[str, TaskSpec]],
    now: datetime,
    key_id: str | None,
    trace: TraceContext | None = None,
) -> Sequence[Task]:
    return [
        Task.submit(task_id, spec, now, submitted_by=key_id, trace=trace) for task_id, spec in pairs
    ]


def record_of_key(record: IdempotencyRecord | None, key_id: str | None) -> IdempotencyRecord | None:
    """Return the record under a name that no other key and no caller without one can send."""
    if record is None or key_id is None:
        return record
    return replace(record, key=f"{key_id}\n{record.key}")
