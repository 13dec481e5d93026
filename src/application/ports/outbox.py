"""Webhooks that wait to be delivered.

The repository puts a webhook there in the same step that makes a task with a callback URL final.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from domain.webhook import Delivery, DeliveryAttempt, Webhook


@dataclass(frozen=True, kw_only=True)
class LeasedDelivery:
    """A webhook that only the holder of the lease may deliver, until the lease expires."""

    webhook: Webhook
    lease: int
    """Distinguishes this lease from later ones on the same webhook."""


class Outbox(ABC):
    """Every method raises StoreUnavailable."""

    @abstractmethod
    def lease(self, *, limit: int, duration: timedelta) -> Sequence[LeasedDelivery]:
        """Lease due webhooks, the longest due first. No other caller gets them for `duration`."""

    @abstractmethod
    def record_attempt(self, delivery: LeasedDelivery, attempt: DeliveryAttempt) -> bool:
        """Store the attempt and schedule the next one.

        Returns False and stores nothing when another caller has leased the webhook since.
        """

    @abstractmethod
    def deliveries(self, task_id: str) -> Sequence[Delivery]:
        """Return the last 1,000 delivery attempts of the task, oldest first."""

    @abstractmethod
    def resend(self, task_id: str, number: int) -> bool:
        """Make the webhook of that delivery due now, with no failed attempts.

        Returns False when there is no such delivery, or its webhook is no longer stored.
        """
