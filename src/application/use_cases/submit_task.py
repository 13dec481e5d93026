"""Accept a task."""

from application.ports.clock import Clock
from application.ports.task_ids import TaskIds
from application.ports.task_repository import Change, TaskRepository
from domain.task import Task
from domain.task_spec import TaskSpec


class SubmitTask:
    """When `execute` returns, the task is stored and workers are told; when it raises StoreUnavailable
    before the store was reached, nothing is stored."""

    def __init__(self, repository: TaskRepository, task_ids: TaskIds, clock: Clock) -> None:
        self._repository = repository
        self._task_ids = task_ids
        self._clock = clock

    def execute(self, spec: TaskSpec) -> Task:
        task = Task.submit(self._task_ids.next(), spec, self._clock.now())
        return self._repository.save(Change(before=None, after=task))
