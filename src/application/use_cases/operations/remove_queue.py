"""Take a queue that nobody uses out of the list."""

from application.errors import QueueInUse, QueueNotFound
from application.ports.queues import Queues
from application.use_cases.operations.list_queues import ListQueues


class RemoveQueue:
    """Forgets the name, and its pause. A task or a worker that names the queue later makes it anew."""

    def __init__(self, queues: Queues, list_queues: ListQueues) -> None:
        self._queues = queues
        self._list_queues = list_queues

    def execute(self, name: str) -> None:
        """Raises QueueNotFound, and QueueInUse when a task names the queue or a living worker serves it."""
        run_log = self._list_queues.execute(only=name)
        if not run_log:
            raise QueueNotFound(name)
        if run_log[0].workers:
            raise QueueInUse(
                f"A living worker serves the queue {name!r}. Stop it, or take the queue out of its TASKS_QUEUES."
            )
        if not self._queues.forget(name):
            raise QueueInUse(
                f"The queue {name!r} has tasks; final ones count as well. Delete them, or wait until their retention "
                "is over."
            )
