"""Webhooks: the fake keeps the contract of the port."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from domain.webhook import WebhookResponse
from tests.contracts.webhook_sender import WebhookReceiver, WebhookSenderContract
from tests.fakes.webhook_sender import FakeWebhookSender


class FakeWebhookReceiver(WebhookReceiver):
    url = "https://example.com/"

    def __init__(self, sender: FakeWebhookSender) -> None:
        self._sender = sender

    @property
    def message_ids(self) -> Sequence[str]:
        return [message.message_id for message in self._sender.sent]

    def respond(self, status: int, *, retry_after: int = 0) -> None:
        wait = timedelta(seconds=retry_after)
        self._sender.response = WebhookResponse(status=status, wait=wait)

    def close(self) -> None:
        self._sender.response = WebhookResponse(error="Connection refused")


class TestFakeWebhookSender(WebhookSenderContract):
    @pytest.fixture
    def sender(self) -> FakeWebhookSender:
        return FakeWebhookSender()

    @pytest.fixture
    def webhook_receiver(self, sender: FakeWebhookSender) -> WebhookReceiver:
        return FakeWebhookReceiver(sender)
