"""Webhooks, which tell a URL that a task has become final, and the rules for repeating them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.events import FINAL_EVENTS, Event
from domain.task import Task

BACKOFF = tuple(
    timedelta(seconds=pause)
    for pause in (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
"""The pause before each attempt: three days in all (Standard Webhooks 1.0, its table of
retries)."""
GONE = 410
"""The status by which a receiver unsubscribes (Standard Webhooks 1.0)."""


def message_id(task_id: str, version: int) -> str:
    """Return the id of the webhook about the final state of a task at this version."""
    return f"msg_{task_id.replace('-', '')}_{version}"


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """The message about one final state of a task. Later changes of the task do not change it."""

    task: Task
    """The task as it was when it became final."""
    failed_attempts: int = 0
    """Number of failed delivery attempts so far."""

    @property
    def message_id(self) -> str:
        """The id that all attempts have in common, so that a receiver can recognise repetitions."""
        return message_id(self.task.task_id, self.task.version)

    @property
    def event(self) -> Event:
        return FINAL_EVENTS[self.task.status]


class DeliveryOutcome(StrEnum):
    """The result of one delivery attempt."""

    DELIVERED = "delivered"
    TO_BE_RETRIED = "to_be_retried"
    GIVEN_UP = "given_up"


def is_success(status: int | None) -> bool:
    return status is not None and 200 <= status < 300


@dataclass(frozen=True, kw_only=True)
class WebhookResponse:
    """The receiver's response to one attempt: a status, or an error when there was no response."""

    status: int | None = None
    error: str | None = None
    refused: bool = False
    """True when the service refused to send the webhook; another attempt cannot help."""
    wait: timedelta = timedelta(0)
    """The least pause before the next attempt, as the receiver asked."""


@dataclass(frozen=True, kw_only=True)
class DeliveryAttempt:
    """One attempt to deliver a webhook."""

    at: datetime
    status: int | None
    error: str | None
    next_at: datetime | None
    """Time of the next attempt; None after a delivery, and when the webhook is given up."""

    @property
    def outcome(self) -> DeliveryOutcome:
        if self.next_at is not None:
            return DeliveryOutcome.TO_BE_RETRIED
        return DeliveryOutcome.DELIVERED if is_success(self.status) else DeliveryOutcome.GIVEN_UP


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A delivery attempt as it is stored."""

    number: int
    """Counts from 1 over all webhooks of the task."""
    message_id: str
    event: Event
    attempt: DeliveryAttempt


def record_attempt(webhook: Webhook, response: WebhookResponse, now: datetime) -> DeliveryAttempt:
    """Return the attempt that ended now with this response, and when the next one is due.

    A webhook is given up after a refusal, a 410, or its tenth failed attempt.
    """
    ended = is_success(response.status) or response.refused or response.status == GONE
    failed_attempts = webhook.failed_attempts + 1
    next_at = None
    if not ended and failed_attempts < len(BACKOFF):
        next_at = now + max(BACKOFF[failed_attempts], response.wait)
    return DeliveryAttempt(at=now, status=response.status, error=response.error, next_at=next_at)
