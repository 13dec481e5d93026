"""Accept many tasks with one request."""

from collections.abc import Callable, Sequence

from application.admission import Admission
from application.errors import InvalidBatch, TooManyLabels, TooManyQueues
from application.new_tasks import NewTasks, Submitted
from application.ports.task_repository import IdempotencyRecord
from domain.errors import InvalidTaskSpec
from domain.task_spec import TaskSpec
from domain.trace_context import TraceContext

MAX_LABELS = 4_000
"""Limit on the different labels, by key and value, of one batch.

Each has an index of its own, and all of them are made in the one step that stores the batch.
"""


class SubmitBatch:
    """All tasks are stored and workers are woken when `execute` returns; none is stored when it
    raises.

    StoreUnavailable is the exception: the tasks may have been stored. A request with an idempotency
    record can be repeated: it submits its tasks once.
    """

    def __init__(
        self,
        admission: Admission,
        new_tasks: NewTasks,
        let_others_run: Callable[[], None] = lambda: None,
    ) -> None:
        """`let_others_run` is called between tasks, for a process that serves other requests
        meanwhile.
        """
        self._admission = admission
        self._new_tasks = new_tasks
        self._let_others_run = let_others_run

    def execute(
        self,
        specs: Sequence[TaskSpec],
        record: IdempotencyRecord | None = None,
        trace: TraceContext | None = None,
    ) -> Submitted:
        """Return the tasks. `trace` is that of the caller.

        Raises InvalidBatch with the errors of all tasks, TooManyLabels, IdempotencyKeyReused,
        StoreUnavailable.
        """
        admitted = self._admit(specs)
        labels = {label for spec in specs for label in spec.labels.items()}
        if len(labels) > MAX_LABELS:
            raise TooManyLabels(len(labels), MAX_LABELS)
        try:
            return self._new_tasks.add(admitted, record, trace)
        except TooManyQueues as error:
            raise InvalidBatch(dict.fromkeys(error.places, error)) from error

    def _admit(self, specs: Sequence[TaskSpec]) -> Sequence[TaskSpec]:
        admitted: list[TaskSpec] = []
        errors: dict[int, InvalidTaskSpec] = {}
        for place, spec in enumerate(specs):
            self._let_others_run()
            try:
                admitted.append(self._admission.admit(spec))
            except InvalidTaskSpec as error:
                errors[place] = error
        if errors:
            raise InvalidBatch(errors)
        return admitted
