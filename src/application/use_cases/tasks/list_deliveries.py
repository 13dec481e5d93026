"""Read how the callbacks of a task went."""

from collections.abc import Sequence

from application.ports.outbox import Outbox
from application.ports.task_repository import TaskRepository
from domain.webhook import Delivery


class ListDeliveries:
    def __init__(self, repository: TaskRepository, outbox: Outbox) -> None:
        self._repository = repository
        self._outbox = outbox

    def execute(self, task_id: str) -> Sequence[Delivery]:
        """Oldest first. Raises TaskNotFound."""
        self._repository.get_or_raise(task_id)
        return self._outbox.deliveries(task_id)
