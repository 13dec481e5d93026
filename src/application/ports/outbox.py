"""Webhooks that wait to be delivered.

The repository puts a webhook there in the same step that makes a task with a callback URL final.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from domain.webhook import Delivery, DeliveryAttempt, Webhook

MAX_BYTES = 8 * 1024 * 1024
"""Limit on the sizes of the deliveries that one process leases at a time."""


@dataclass(frozen=True, kw_only=True)
class LeasedDelivery:
    """A webhook that only the holder of the lease may deliver, until the lease expires."""

    webhook: Webhook
    """Its task has neither a payload nor a result; `Task.omitted` names those that it lacks."""
    size: int
    """Bytes of a payload and a result of more than 4 KiB, at most MAX_BYTES. 0 without any."""
    lease: int
    """Distinguishes this lease from later ones on the same webhook."""


class Outbox(ABC):
    """Every method raises StoreUnavailable."""

    @abstractmethod
    def lease(
        self, *, limit: int, duration: timedelta, room: int = MAX_BYTES
    ) -> Sequence[LeasedDelivery]:
        """Lease due webhooks, the longest due first. No other caller gets them for `duration`.

        Their sizes are at most `room` in all. A webhook of size 0 may overtake one for which there
        is no room.
        """

    @abstractmethod
    def whole(self, delivery: LeasedDelivery) -> Webhook | None:
        """Return the webhook with its payload and result.

        Returns None when it is no longer stored, or is damaged and was set aside.
        """

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
