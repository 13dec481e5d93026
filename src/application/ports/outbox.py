"""Messages that wait to be delivered. The repository puts one there in the same step that makes a task final."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from domain.webhook import Delivery, DeliveryAttempt, Webhook


@dataclass(frozen=True, kw_only=True)
class LeasedDelivery:
    """A message that is this caller's to deliver, for a while."""

    message: Webhook
    lease: int
    """Tells this taking from a later one."""


class Outbox(ABC):
    """All raise StoreUnavailable."""

    @abstractmethod
    def take(self, *, limit: int, lease: timedelta) -> Sequence[LeasedDelivery]:
        """Due messages, the longest due first. Nobody else is given them for as long as the lease."""

    @abstractmethod
    def settle(self, taken: LeasedDelivery, record_attempt: DeliveryAttempt) -> bool:
        """Keep what came of a delivery. False, and nothing is kept, when somebody else has taken the message since."""

    @abstractmethod
    def deliveries(self, task_id: str) -> Sequence[Delivery]:
        """The last 1,000 tries of the task's messages, oldest first."""

    @abstractmethod
    def resend(self, task_id: str, number: int) -> bool:
        """Make the message of that delivery due now, as if it had never been tried.

        False when there is no such delivery, or its message is no longer kept.
        """
