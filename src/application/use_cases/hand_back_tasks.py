"""Queue again the runs that a worker ends when it shuts down."""

from collections.abc import Sequence

from application.decision import Decision
from application.errors import TaskNotFound
from application.ports.task_leases import TaskLeases
from domain.task import Task


class HandBackTasks:
    """Only for runs whose processes are known to be dead; they count neither as attempts nor as crashes."""

    def __init__(self, leases: TaskLeases, decision: Decision) -> None:
        self._leases = leases
        self._decision = decision

    def execute(self, owner_prefix: str) -> Sequence[Task]:
        """Answers the tasks handed back."""
        return [task for held in self._leases.held_by(owner_prefix) if (task := self._hand_back(held))]

    def _hand_back(self, held: Task) -> Task | None:
        def hand_back(task: Task) -> Task:
            return task.hand_back() if task.is_run_of(held.claim) else task

        try:
            return self._decision.apply(held.task_id, hand_back, known=held)
        except TaskNotFound:
            return None
