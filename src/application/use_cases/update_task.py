"""Change what a task is called or, while it waits, what it will do."""

from application.decision import Decision
from domain.task import Task
from domain.task_spec import TaskPatch, TaskSpec


class UpdateTask:
    def __init__(self, decision: Decision) -> None:
        self._decision = decision

    def execute(self, task_id: str, wish: TaskPatch | TaskSpec) -> Task:
        """A patch changes the members it names, a specification replaces them all.

        Raises TaskNotFound, and TaskNotWaiting when the wish needs a task that waits.
        """
        if isinstance(wish, TaskPatch):
            return self._decision.apply(task_id, lambda task: task.patch(wish))
        return self._decision.apply(task_id, lambda task: task.replace(wish))
