"""End a task that waits."""

from application.decision import Decision
from application.ports.clock import Clock
from domain.task import Task


class CancelTask:
    """After `execute` no worker starts the task: a claim and a cancel cannot both win."""

    def __init__(self, decision: Decision, clock: Clock) -> None:
        self._decision = decision
        self._clock = clock

    def execute(self, task_id: str) -> Task:
        """Raises TaskNotFound, TaskRunning, TaskFinal."""
        return self._decision.apply(task_id, lambda task: task.cancel(self._clock.now()))
