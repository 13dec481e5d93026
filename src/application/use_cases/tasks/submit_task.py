"""Accept a task."""

from application.admission import Admission
from application.new_tasks import NewTasks, Submitted
from application.ports.task_repository import IdempotencyRecord
from domain.task_spec import TaskSpec
from domain.trace_context import TraceContext


class SubmitTask:
    """The task is stored and a worker is woken when `execute` returns.

    A request with an idempotency record can be repeated: it submits its task once.
    """

    def __init__(self, admission: Admission, new_tasks: NewTasks) -> None:
        self._admission = admission
        self._new_tasks = new_tasks

    def execute(
        self,
        spec: TaskSpec,
        record: IdempotencyRecord | None = None,
        trace: TraceContext | None = None,
    ) -> Submitted:
        """Return the one task. `trace` is that of the caller.

        Raises InvalidTaskSpec, IdempotencyKeyReused, StoreUnavailable.
        """
        return self._new_tasks.add([self._admission.admit(spec)], record, trace)
