"""Remove a task that does not run."""

from application.decision import Decision
from application.ports.task_repository import TaskRepository
from domain.task import Task


class DeleteTask:
    def __init__(self, repository: TaskRepository, decision: Decision) -> None:
        self._repository = repository
        self._decision = decision

    def execute(self, task_id: str) -> None:
        """Raises TaskNotFound, TaskRunning."""

        def remove(task: Task) -> None:
            task.ensure_deletable()
            self._repository.remove(task)

        self._decision.retry(task_id, remove)
