from dataclasses import replace
from datetime import timedelta

import pytest

from domain.status import Status
from domain.webhook import Webhook, WebhookResponse, record_attempt
from tests.building import NOON, a_task

WEBHOOK = Webhook(task=a_task(Status.FAILED, callback_url="https://example.com/"))


def test_a_webhook_is_attempted_for_three_days_with_growing_pauses() -> None:
    pauses = []
    for failed_attempts in range(20):
        result = record_attempt(
            replace(WEBHOOK, failed_attempts=failed_attempts), WebhookResponse(status=500), NOON
        )
        if result.next_at is None:
            break
        pauses.append((result.next_at - NOON) // timedelta(seconds=1))

    assert pauses == [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
    assert timedelta(days=3) < timedelta(seconds=sum(pauses)) < timedelta(days=4)


@pytest.mark.parametrize(
    "response",
    [
        WebhookResponse(status=200),
        WebhookResponse(status=299),
        WebhookResponse(status=410),
        WebhookResponse(refused=True),
    ],
)
def test_a_webhook_that_was_delivered_or_refused_is_not_attempted_again(
    response: WebhookResponse,
) -> None:
    assert record_attempt(WEBHOOK, response, NOON).next_at is None


@pytest.mark.parametrize("status", [None, 199, 300, 404, 500])
def test_any_response_but_a_success_or_410_is_tried_again(status: int | None) -> None:
    attempt = record_attempt(WEBHOOK, WebhookResponse(status=status), NOON)

    assert attempt.next_at == NOON + timedelta(seconds=5)


def test_a_receiver_can_lengthen_the_pause_but_not_shorten_it() -> None:
    assert record_attempt(
        WEBHOOK, WebhookResponse(status=429, wait=timedelta(hours=1)), NOON
    ).next_at == NOON + timedelta(hours=1)
    assert record_attempt(
        WEBHOOK, WebhookResponse(status=429, wait=timedelta(seconds=1)), NOON
    ).next_at == NOON + timedelta(seconds=5)


def test_each_end_of_a_task_has_an_id_of_its_own() -> None:
    again = Webhook(task=replace(WEBHOOK.task, version=WEBHOOK.task.version + 2))

    assert WEBHOOK.event == "task.failed"
    assert WEBHOOK.message_id != again.message_id
    assert WEBHOOK.message_id.startswith("msg_")
