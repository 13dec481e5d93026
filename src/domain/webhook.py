"""Telling a URL that a task has become final: what is sent, when again, and when it is given up."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.events import FINAL_EVENTS, Event
from domain.task import Task

BACKOFF = tuple(timedelta(seconds=pause) for pause in (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400))
"""Before each try of a message: three days in all (Standard Webhooks 1.0, its table of retries)."""
GONE = 410
"""The receiver wants no more (Standard Webhooks 1.0)."""


def message_id(task_id: str, version: int) -> str:
    """Of the end that a task came to in that version."""
    return f"msg_{task_id.replace('-', '')}_{version}"


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """One end of one task. What it says does not change, whatever becomes of the task."""

    task: Task
    """As it was when it became final."""
    tries: int = 0
    """How often it was sent in vain."""

    @property
    def message_id(self) -> str:
        """The same for each try, so that a receiver can tell repetitions."""
        return message_id(self.task.task_id, self.task.version)

    @property
    def event(self) -> Event:
        return FINAL_EVENTS[self.task.status]


class DeliveryOutcome(StrEnum):
    """What became of a message by one try."""

    DELIVERED = "delivered"
    TO_BE_RETRIED = "to_be_retried"
    GIVEN_UP = "given_up"


def is_success(status: int | None) -> bool:
    return status is not None and 200 <= status < 300


@dataclass(frozen=True, kw_only=True)
class WebhookResponse:
    """What came of one try: a status, or an error where there was none."""

    status: int | None = None
    error: str | None = None
    refused: bool = False
    """It was not sent, and trying again cannot help."""
    wait: timedelta = timedelta(0)
    """What the receiver asked for."""


@dataclass(frozen=True, kw_only=True)
class DeliveryAttempt:
    """A try to deliver a message."""

    at: datetime
    status: int | None
    error: str | None
    next_at: datetime | None
    """When it is sent again; None when it need not be, or is given up."""

    @property
    def outcome(self) -> DeliveryOutcome:
        if self.next_at is not None:
            return DeliveryOutcome.TO_BE_RETRIED
        return DeliveryOutcome.DELIVERED if is_success(self.status) else DeliveryOutcome.GIVEN_UP


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A try as it was kept."""

    number: int
    """From 1, of all tries of the task."""
    message_id: str
    event: Event
    record_attempt: DeliveryAttempt


def record_attempt(message: Webhook, reply: WebhookResponse, now: datetime) -> DeliveryAttempt:
    """What to keep of a try, and when the next one is due."""
    next_at = None
    if not is_success(reply.status) and not reply.refused and reply.status != GONE and message.tries + 1 < len(BACKOFF):
        next_at = now + max(BACKOFF[message.tries + 1], reply.wait)
    return DeliveryAttempt(at=now, status=reply.status, error=reply.error, next_at=next_at)
