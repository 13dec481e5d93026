"""Change what a task is called or, while it waits, what it will do."""

from collections.abc import Collection

from application.admission import Admission
from application.decision import Decision
from application.errors import VersionMismatch
from domain.task import Task
from domain.task_spec import TaskPatch, TaskSpec


class UpdateTask:
    def __init__(self, decision: Decision, admission: Admission) -> None:
        self._decision = decision
        self._admission = admission

    def execute(self, task_id: str, wish: TaskPatch | TaskSpec, versions: Collection[int] | None = None) -> Task:
        """A patch changes the members it names, a specification replaces them all.

        Raises TaskNotFound, InvalidTaskSpec, VersionMismatch when `versions` are given and the task is in none of
        them, and TaskNotWaiting when the wish needs a task that waits.
        """

        def transition(task: Task) -> Task:
            if versions is not None and task.version not in versions:
                raise VersionMismatch(task.version)
            changed = task.patch(wish) if isinstance(wish, TaskPatch) else task.replace(wish)
            if changed.spec != task.spec:
                self._admission.check(changed.spec)
            return changed

        return self._decision.apply(task_id, transition)
