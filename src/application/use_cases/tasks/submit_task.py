"""Accept tasks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from application.admission import Admission
from application.errors import AlreadySubmitted, IdempotencyKeyReused
from application.ports.clock import Clock
from application.ports.task_ids import TaskIds
from application.ports.task_repository import IdempotencyRecord, TaskRepository
from domain.errors import InvalidTaskSpec
from domain.task import Task
from domain.task_spec import TaskSpec


@dataclass(frozen=True, kw_only=True)
class Submitted:
    tasks: Sequence[Task]
    """As they were when they were accepted."""
    replayed: bool = False
    """They had been accepted before, by the same request."""


class SubmitTasks:
    """When `execute` returns, the tasks are stored and workers are told; when it raises StoreUnavailable
    before the store was reached, nothing is stored. With an idempotency record, a request may be repeated."""

    def __init__(
        self,
        repository: TaskRepository,
        admission: Admission,
        task_ids: TaskIds,
        clock: Clock,
        let_others_run: Callable[[], None] = lambda: None,
    ) -> None:
        """`let_others_run` is called between tasks, where a process serves other requests meanwhile."""
        self._repository = repository
        self._admission = admission
        self._task_ids = task_ids
        self._clock = clock
        self._let_others_run = let_others_run

    def execute(self, specs: Sequence[TaskSpec], idempotency_record: IdempotencyRecord | None = None) -> Submitted:
        """All or none. Raises IdempotencyKeyReused, and InvalidTaskSpec for the first wrong one, with the others."""
        specs = self._admit(specs)
        now = self._clock.now()
        tasks = [Task.submit(self._task_ids.next(), spec, now) for spec in specs]
        try:
            return Submitted(tasks=self._repository.add(tasks, idempotency_record))
        except AlreadySubmitted as earlier:
            if idempotency_record is None or earlier.request_hash != idempotency_record.request_hash:
                raise IdempotencyKeyReused from earlier
            pairs = zip(earlier.task_ids, specs, strict=True)
            same = [Task.submit(task_id, spec, earlier.submitted_at) for task_id, spec in pairs]
            return Submitted(tasks=same, replayed=True)

    def _admit(self, specs: Sequence[TaskSpec]) -> Sequence[TaskSpec]:
        admitted, wrong = [], []
        for number, spec in enumerate(specs):
            self._let_others_run()
            try:
                admitted.append(self._admission.admit(spec))
            except InvalidTaskSpec as error:
                error.number = number
                wrong.append(error)
        if wrong:
            wrong[0].others = wrong[1:]
            raise wrong[0]
        return admitted
