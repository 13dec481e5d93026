"""Hold each WebhookSender to its port."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from application.ports.webhook_sender import WebhookSender
from domain.status import Status
from domain.webhook import Webhook, WebhookResponse
from tests.building import a_task


class WebhookReceiver(ABC):
    """The server that a test's webhooks go to."""

    url: str
    """An allowed URL of it."""

    @property
    @abstractmethod
    def message_ids(self) -> Sequence[str]:
        """Return the ids of the webhooks that have arrived."""

    @abstractmethod
    def respond(self, status: int, *, retry_after: int = 0) -> None:
        """Respond to all further webhooks so. `retry_after` is in seconds."""

    @abstractmethod
    def close(self) -> None:
        """Accept no further connection."""


def a_webhook(url: str) -> Webhook:
    return Webhook(task=a_task(Status.COMPLETED, callback_url=url))


def send(sender: WebhookSender, webhook: Webhook) -> WebhookResponse:
    return sender.send(sender.write(webhook))


class WebhookSenderContract:
    def test_a_webhook_arrives_with_its_message_id(
        self, sender: WebhookSender, webhook_receiver: WebhookReceiver
    ) -> None:
        webhook = a_webhook(webhook_receiver.url)

        responses = [
            send(sender, webhook),
            send(sender, replace(webhook, failed_attempts=1)),
        ]

        assert responses == [WebhookResponse(status=200)] * 2
        assert webhook_receiver.message_ids == [webhook.message_id] * 2

    def test_the_response_has_the_status_and_the_wait_that_the_receiver_asks_for(
        self, sender: WebhookSender, webhook_receiver: WebhookReceiver
    ) -> None:
        webhook_receiver.respond(503, retry_after=60)

        response = send(sender, a_webhook(webhook_receiver.url))

        assert response == WebhookResponse(status=503, wait=timedelta(seconds=60))

    def test_a_receiver_that_accepts_no_connection_is_an_error_that_a_later_attempt_may_mend(
        self, sender: WebhookSender, webhook_receiver: WebhookReceiver
    ) -> None:
        webhook_receiver.close()

        response = send(sender, a_webhook(webhook_receiver.url))

        assert response.error
        assert (response.status, response.refused) == (None, False)

    @pytest.mark.parametrize("url", ["https://10.0.0.1/", "http://93.184.215.14/"])
    def test_a_url_that_must_not_be_called_is_refused_and_nothing_is_sent(
        self, sender: WebhookSender, webhook_receiver: WebhookReceiver, url: str
    ) -> None:
        response = send(sender, a_webhook(url))

        assert response.error
        assert (response.status, response.refused) == (None, True)
        assert sender.refusal(url)
        assert webhook_receiver.message_ids == []

    def test_an_allowed_url_has_no_refusal(
        self, sender: WebhookSender, webhook_receiver: WebhookReceiver
    ) -> None:
        assert sender.refusal(webhook_receiver.url) is None
        assert sender.refusal("https://93.184.215.14/") is None
