"""Send a webhook again."""

from application.errors import DeliveryNotFound
from application.ports.outbox import Outbox
from application.ports.task_repository import TaskRepository


class ResendDelivery:
    def __init__(self, repository: TaskRepository, outbox: Outbox) -> None:
        self._repository = repository
        self._outbox = outbox

    def execute(self, task_id: str, number: int) -> None:
        """Make the webhook of that delivery due now, unchanged.

        Raises TaskNotFound, DeliveryNotFound.
        """
        self._repository.get_or_raise(task_id)
        if not self._outbox.resend(task_id, number):
            raise DeliveryNotFound(number)
