"""Remove an unused queue from the list of queues."""

from application.errors import QueueInUse, QueueNotFound
from application.ports.queues import Queues
from application.use_cases.operations.list_queues import ListQueues


class RemoveQueue:
    """Forgets the queue and its pause. A task or worker that names it later creates it again."""

    def __init__(self, queues: Queues, list_queues: ListQueues) -> None:
        self._queues = queues
        self._list_queues = list_queues

    def execute(self, name: str) -> None:
        """Raises QueueNotFound, and QueueInUse when a task names the queue or a living worker
        serves it.
        """
        reports = self._list_queues.execute(only=name)
        if not reports:
            raise QueueNotFound(name)
        if reports[0].workers:
            raise QueueInUse(name, is_served=True)
        if not self._queues.forget(name):
            raise QueueInUse(name, is_served=False)
