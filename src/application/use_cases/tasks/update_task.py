"""Change the name and labels of a task or, while it waits, its work."""

from collections.abc import Collection
from dataclasses import replace

from application.admission import Admission
from application.errors import VersionMismatch
from application.optimistic_update import OptimisticUpdate
from domain.errors import InvalidTaskSpec, Violation
from domain.task import Task
from domain.task_spec import TaskPatch, TaskSpec


class UpdateTask:
    def __init__(self, update: OptimisticUpdate, admission: Admission) -> None:
        self._update = update
        self._admission = admission

    def execute(
        self, task_id: str, change: TaskPatch | TaskSpec, versions: Collection[int] | None = None
    ) -> tuple[Task, int | None]:
        """Return the changed task and, while it is QUEUED, its position.

        A patch changes the members it names; a specification replaces all.

        Raises TaskNotFound, InvalidTaskSpec, VersionMismatch when the task has none of the given
        `versions`, and TaskNotWaiting when the change needs a task that waits.
        """

        def transition(task: Task) -> Task:
            if versions is not None and task.version not in versions:
                raise VersionMismatch(task.version)
            if isinstance(change, TaskPatch):
                patch = self._admission.with_default_retry(task.spec.type, change)
                return self._patched(task, patch)
            return self._admitted(task, task.replace(change))

        return self._update.apply_with_position(task_id, transition)

    def _patched(self, task: Task, patch: TaskPatch) -> Task:
        """Return the patched task. Raises InvalidTaskSpec with every problem.

        After a problem, the patch is tried again without the invalid members, to find further ones.
        """
        violations: list[Violation] = []
        while True:
            try:
                changed = self._admitted(task, task.patch(patch))
            except InvalidTaskSpec as error:
                violations += [each for each in error.violations if each not in violations]
                wrong = {pointer.partition("/")[0] for pointer, _ in error.violations}
                rest = TaskPatch(
                    {name: value for name, value in patch.members.items() if name not in wrong}
                )
                if rest.members and rest != patch:
                    patch = rest
                    continue
                raise InvalidTaskSpec(violations) from error
            if violations:
                raise InvalidTaskSpec(violations)
            return changed

    def _admitted(self, task: Task, changed: Task) -> Task:
        """Raises InvalidTaskSpec."""
        if changed.spec == task.spec:
            return changed
        return replace(changed, spec=self._admission.admit(changed.spec, task.spec))
